//go:build !linux

package embedded

import (
	"os/exec"
	"strconv"
	"strings"
)

// worksIn says whether the process is a server of the cluster: the data folder is in its command line. The pid alone
// proves nothing; it may have been given to another program, or to another PostgreSQL, since.
func worksIn(pid int, data string) bool {
	command, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(command), " -D "+data+" ")
}
