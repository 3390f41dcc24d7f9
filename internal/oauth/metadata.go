package oauth

import "github.com/flowpos/flowpos-backend/internal/pos"

// Metadata is the document of RFC 8414, which the well-known forms of OpenID discovery serve too.
type Metadata struct {
	Issuer                 string   `json:"issuer"`
	AuthorizationEndpoint  string   `json:"authorization_endpoint"`
	TokenEndpoint          string   `json:"token_endpoint"`
	RegistrationEndpoint   string   `json:"registration_endpoint"`
	RevocationEndpoint     string   `json:"revocation_endpoint"`
	Scopes                 []string `json:"scopes_supported"`
	ResponseTypes          []string `json:"response_types_supported"`
	ResponseModes          []string `json:"response_modes_supported"`
	GrantTypes             []string `json:"grant_types_supported"`
	TokenAuthMethods       []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods  []string `json:"revocation_endpoint_auth_methods_supported"`
	ChallengeMethods       []string `json:"code_challenge_methods_supported"`
	NamesIssuer            bool     `json:"authorization_response_iss_parameter_supported"`
	TakesDocuments         bool     `json:"client_id_metadata_document_supported"`
	FlowPOSExchange        string   `json:"flowpos_token_exchange_endpoint"` // the documented JSON dialect
	FlowPOSExchangeRefresh string   `json:"flowpos_token_refresh_endpoint"`
}

func authMethods() []string { return []string{"none", "client_secret_post", "client_secret_basic"} }

// MetadataOf is the document of an issuer, the bare origin of PUBLIC_URL. offline_access stands here and neither in the
// resource's document nor in a challenge: every client gets a refresh token.
func MetadataOf(issuer string) Metadata {
	var scopes []string
	for _, sc := range pos.AllScopes() {
		scopes = append(scopes, string(sc))
	}
	return Metadata{
		Issuer: issuer, AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/mcp/token",
		RegistrationEndpoint: issuer + "/register", RevocationEndpoint: issuer + "/revoke",
		Scopes: append(scopes, "offline_access"), ResponseTypes: []string{"code"}, ResponseModes: []string{"query"},
		GrantTypes: []string{grantCode, grantRefresh, grantExchange}, TokenAuthMethods: authMethods(),
		RevocationAuthMethods: authMethods(), ChallengeMethods: []string{"S256"}, NamesIssuer: true, TakesDocuments: true,
		FlowPOSExchange: issuer + "/mcp/token", FlowPOSExchangeRefresh: issuer + "/mcp/token/refresh",
	}
}
