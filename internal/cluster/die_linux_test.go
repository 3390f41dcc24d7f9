package cluster

import (
	"os/exec"
	"syscall"
)

// endWithUs has the kernel end a process when the test's own ends in whatever way.
func endWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
