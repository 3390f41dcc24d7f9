package app

import (
	"fmt"
	"runtime/debug"
)

type versionCmd struct{}

// Run prints the version.
func (versionCmd) Run(std IO) error {
	_, err := fmt.Fprintln(std.Out, "flowpos "+version())
	return err
}

// release is the version that docs and CHANGELOG speak of.
const release = "0.1.0"

// version is the release, with the commit when the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return release + "+" + s.Value[:12]
		}
	}
	return release
}
