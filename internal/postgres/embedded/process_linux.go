package embedded

import "syscall"

// dieWithParent makes the kernel send SIGQUIT to the process when the thread that starts it ends.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }
