//go:build !linux

package embedded

import "syscall"

// dieWithParent does nothing: only Linux offers it, and elsewhere the watchdog is enough.
func dieWithParent(*syscall.SysProcAttr) {}
