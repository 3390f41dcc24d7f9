package reports

import (
	"context"
	"github.com/flowpos/flowpos-backend/internal/pos"
	"github.com/flowpos/flowpos-backend/internal/tool"
)

var topProductsSpec = tool.Spec[struct{}]{Name: "get_top_products", Title: tool.Title{ES: "x", EN: "x"}, About: "x", Scopes: tool.Scopes{pos.ScopeReportsRead}, Effect: tool.Reads, Where: tool.One, For: tool.Managers}
var salesByLocationSpec = tool.Spec[struct{}]{Name: "get_sales_by_location", Title: tool.Title{ES: "x", EN: "x"}, About: "x", Scopes: tool.Scopes{pos.ScopeReportsRead}, Effect: tool.Reads, Where: tool.One, For: tool.Managers}

func (s *Service) topProducts(ctx context.Context, c pos.Caller, in struct{}) (a tool.Answer[struct{ X int }, struct{}], err error) {
	return
}
func (s *Service) salesByLocation(ctx context.Context, c pos.Caller, in struct{}) (a tool.Answer[struct{ X int }, struct{}], err error) {
	return
}
