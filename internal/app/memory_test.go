package app

import (
	"os"
	"testing"
)

func TestMemorySettings(t *testing.T) {
	t.Parallel()
	const v1, v2 = "/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max"
	for name, tt := range map[string]struct {
		env, files map[string]string
		percent    int
		limit      int64
	}{
		"cgroup v2":          {nil, map[string]string{v2: "1000000000\n"}, 400, 850_000_000},
		"cgroup v1":          {nil, map[string]string{v1: "500000000\n"}, 400, 425_000_000},
		"v2 without a limit": {nil, map[string]string{v2: "max\n"}, 400, 0},
		"v1 without a limit": {nil, map[string]string{v1: "9223372036854771712\n"}, 400, 0},
		"no container":       {nil, nil, 400, 0},
		"a limit of nothing": {nil, map[string]string{v2: "0\n"}, 400, 0},
		"GOGC is set":        {map[string]string{"GOGC": "50"}, map[string]string{v2: "1000000000"}, 0, 850_000_000},
		"GOMEMLIMIT is set":  {map[string]string{"GOMEMLIMIT": "1GiB"}, map[string]string{v2: "1000000000"}, 400, 0},
		"both are set":       {map[string]string{"GOGC": "off", "GOMEMLIMIT": "1GiB"}, map[string]string{v2: "1000000000"}, 0, 0},
	} {
		percent, limit := memorySettings(
			func(name string) (string, bool) { v, ok := tt.env[name]; return v, ok },
			func(path string) ([]byte, error) {
				if text, ok := tt.files[path]; ok {
					return []byte(text), nil
				}
				return nil, os.ErrNotExist
			})
		if percent != tt.percent || limit != tt.limit {
			t.Errorf("%s: %d %%, %d bytes; want %d %%, %d", name, percent, limit, tt.percent, tt.limit)
		}
	}
}
