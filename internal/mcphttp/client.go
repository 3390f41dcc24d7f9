package mcphttp

//lint:file-ignore SA1019 sampling and roots are deprecated; older clients have them, and sessions remember it

import (
	"encoding/json"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/flowpos/flowpos-backend/internal/session"
)

// capabilities is what the endpoint remembers of a client's capabilities at initialize.
type capabilities struct {
	Elicitation *struct {
		Form json.RawMessage `json:"form"`
		URL  json.RawMessage `json:"url"`
	} `json:"elicitation"`
	Sampling *struct {
		Tools   json.RawMessage `json:"tools"`
		Context json.RawMessage `json:"context"`
	} `json:"sampling"`
	Roots *struct {
		ListChanged bool `json:"listChanged"`
	} `json:"roots"`
}

func (c capabilities) bits() (b session.Client) {
	set := func(on bool, bit session.Client) {
		if on {
			b |= bit
		}
	}
	if c.Elicitation != nil {
		b |= session.Elicits
		set(c.Elicitation.Form != nil, session.ElicitsForms)
		set(c.Elicitation.URL != nil, session.ElicitsURLs)
	}
	if c.Sampling != nil {
		b |= session.Samples
		set(c.Sampling.Tools != nil, session.SamplesTools)
		set(c.Sampling.Context != nil, session.SamplesContext)
	}
	if c.Roots != nil {
		b |= session.ListsRoots
		set(c.Roots.ListChanged, session.TellsRoots)
	}
	return b
}

// clientOf is the way back, for the SDK.
func clientOf(b session.Client) *mcp.ClientCapabilities {
	c := &mcp.ClientCapabilities{}
	if b&session.Elicits != 0 {
		c.Elicitation = &mcp.ElicitationCapabilities{}
		if b&session.ElicitsForms != 0 {
			c.Elicitation.Form = &mcp.FormElicitationCapabilities{}
		}
		if b&session.ElicitsURLs != 0 {
			c.Elicitation.URL = &mcp.URLElicitationCapabilities{}
		}
	}
	if b&session.Samples != 0 {
		c.Sampling = &mcp.SamplingCapabilities{}
		if b&session.SamplesTools != 0 {
			c.Sampling.Tools = &mcp.SamplingToolsCapabilities{}
		}
		if b&session.SamplesContext != 0 {
			c.Sampling.Context = &mcp.SamplingContextCapabilities{}
		}
	}
	if b&session.ListsRoots != 0 {
		c.RootsV2 = &mcp.RootCapabilities{ListChanged: b&session.TellsRoots != 0}
	}
	return c
}
