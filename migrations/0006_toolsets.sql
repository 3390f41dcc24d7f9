-- +goose Up

-- The toolsets of a grant, which 0004 made room for: what its tools/list shows besides. What 0003 and 0004 answer, with a
-- column more at the end of what a program from before this step reads.

DROP FUNCTION credential_by_grant(uuid);
-- +goose StatementBegin
CREATE FUNCTION credential_by_grant(sid uuid)
RETURNS TABLE (user_id uuid, user_name text, scopes text[], expires_at timestamptz, member_role text, id uuid, name text,
  business_type text, currency_code text, timezone text, day_cut time, locale text, tax_rate_bp int, modules text[], toolsets text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.id, u.display_name, g.scopes, g.expires_at, m.unique_role_name, c.id, c.name,
         c.business_type, c.currency_code, c.timezone, c.day_cut, c.locale, c.tax_rate_bp, c.modules, g.toolsets
  FROM mcp_grant g
  JOIN "user" u ON u.id = g.user_id AND u.is_active
  LEFT JOIN (business_user m JOIN business_card c ON c.id = m.business_id AND c.status = 'active')
    ON m.user_id = u.id AND m.is_active AND (g.businesses IS NULL OR m.business_id = ANY (g.businesses))
  WHERE g.id = sid AND g.revoked_at IS NULL AND g.expires_at > now()
  ORDER BY fold(c.name), c.id
$$;
-- +goose StatementEnd

-- With what a list of tools depends on.
DROP FUNCTION person_by_firebase_uid(text);
-- +goose StatementBegin
CREATE FUNCTION person_by_firebase_uid(uid text)
RETURNS TABLE (user_id uuid, user_name text, is_active boolean, id uuid, name text, member_role text, business_type text, modules text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.id, u.display_name, u.is_active, c.id, c.name, m.unique_role_name, c.business_type, c.modules
  FROM "user" u
  LEFT JOIN (business_user m JOIN business_card c ON c.id = m.business_id AND c.status = 'active')
    ON m.user_id = u.id AND m.is_active
  WHERE u.firebase_uid = uid
  ORDER BY fold(c.name), c.id
$$;
-- +goose StatementEnd

-- The toolsets are those of the newest grant, as long as it is remembered.
DROP FUNCTION last_consent(text, text);
-- +goose StatementBegin
CREATE FUNCTION last_consent(uid text, client text) RETURNS TABLE (businesses uuid[], scopes text[], toolsets text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT ARRAY(SELECT m.business_id FROM business_user m
               WHERE m.user_id = u.id AND m.is_active AND m.business_id = ANY (c.businesses)), c.scopes,
         coalesce((SELECT g.toolsets FROM mcp_grant g
                   WHERE g.user_id = u.id AND g.client_id = client ORDER BY g.created_at DESC, g.id DESC LIMIT 1), '{}')
  FROM mcp_consent c
  JOIN "user" u ON u.id = c.user_id
  WHERE u.firebase_uid = uid AND c.client_id = client
$$;
-- +goose StatementEnd

REVOKE EXECUTE ON FUNCTION credential_by_grant(uuid), person_by_firebase_uid(text), last_consent(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION credential_by_grant(uuid), person_by_firebase_uid(text), last_consent(text, text) TO flowpos_app;
