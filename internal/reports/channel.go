package reports

import (
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

type channel struct{ word, es, en string }

// knownChannels are the channels that most shops have.
func knownChannels() []channel {
	return []channel{
		{"counter", "mostrador", "counter"}, {"table", "en mesa", "at table"},
		{"takeaway", "para llevar", "takeaway"}, {"delivery", "a domicilio", "delivery"},
	}
}

// ChannelName is what people call a channel; a shop's own words stay as they are.
func ChannelName(channel string, lang pos.Lang) string {
	for _, c := range knownChannels() {
		if c.word == channel {
			return lang.Say(c.es, c.en)
		}
	}
	return channel
}

// ChannelWord is the channel that an argument names: its own word, or what either language calls it.
func ChannelWord(name string) string {
	for _, c := range knownChannels() {
		if tool.Fold(name) == tool.Fold(c.es) || tool.Fold(name) == tool.Fold(c.en) {
			return c.word
		}
	}
	return name
}
