package embedded

import (
	"fmt"
	"os"
)

// worksIn says whether the process is a server of the cluster: PostgreSQL's working folder is its data folder. The pid
// alone proves nothing; it may have been given to another program, or to another PostgreSQL, since.
func worksIn(pid int, data string) bool {
	theirs, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	ours, err := os.Stat(data)
	return err == nil && os.SameFile(ours, theirs)
}
