package main

import (
	"bufio"
	"strings"
	"testing"
)

func TestInfoOfRedisIsRead(t *testing.T) {
	t.Parallel()
	const text = "# Server\r\nredis_version:7.0.15\r\nprocess_id:42\r\n\r\n# Stats\r\ntotal_reads_processed:110\r\n" +
		"# Commandstats\r\ncmdstat_ping:calls=3,usec=5\r\ncmdstat_info:calls=7,usec=9\r\n"
	i, err := readInfo(bufio.NewReader(strings.NewReader("$159\r\n" + text + "\r\n")))
	if len(text) != 159 {
		t.Fatalf("the text has %d bytes", len(text))
	}
	if err != nil || i["redis_version"] != "7.0.15" || i.number("process_id") != 42 || i.reads() != 100 || i.called("get") != 0 {
		t.Errorf("read %v, %v: %g reads", i, err, i.reads())
	}
	for name, in := range map[string]string{"an error": "-NOAUTH\r\n", "cut": "$10\r\nab", "endless": "$2\r\nab", "nothing": "", "no text": "$-1\r\n"} {
		if i, err := readInfo(bufio.NewReader(strings.NewReader(in))); err == nil {
			t.Errorf("%s was read as %v", name, i)
		}
	}
}
