-- +goose Up

-- Tenancy: row-level security on every tenant table, what flowpos_app may touch, and the few questions that may be
-- asked before a business is known. The roles exist already: `flowpos migrate` makes them or says how.

-- The businesses of this transaction, set by postgres.Read and postgres.Write. Missing and empty both raise: a pooled
-- connection holds '' after its first transaction, and '' must never read as "no restriction" nor as "no rows".
-- +goose StatementBegin
CREATE FUNCTION tenant_ids() RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
DECLARE
  v text := current_setting('flowpos.businesses', true);
BEGIN
  IF v IS NULL OR v = '' OR v = '{}' THEN
    RAISE EXCEPTION 'no business is set for this transaction' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN v::uuid[];
END $$;
-- +goose StatementEnd

-- Two policies a table. The sub-select makes tenant_ids() run once a query, not once a row.
-- +goose StatementBegin
DO $$
DECLARE t text; col text;
BEGIN
  FOR t, col IN
    SELECT c.table_name, 'business_id' FROM information_schema.columns c
    JOIN information_schema.tables b USING (table_schema, table_name)
    WHERE c.table_schema = current_schema() AND c.column_name = 'business_id' AND b.table_type = 'BASE TABLE'
      AND c.table_name NOT IN ('mcp_api_key', 'mcp_operator_access') -- reached through functions only
    UNION ALL SELECT 'business', 'id'
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant ON %I TO flowpos_app USING (%I = ANY ((SELECT tenant_ids())::uuid[])) WITH CHECK (%I = ANY ((SELECT tenant_ids())::uuid[]))', t, col, col);
    EXECUTE format('CREATE POLICY owner ON %I TO flowpos_owner USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT ON %I TO flowpos_app', t);
  END LOOP;
END $$;
-- +goose StatementEnd

GRANT SELECT ON module, mcp_secret, goose_db_version TO flowpos_app;
GRANT SELECT, INSERT, DELETE ON mcp_closed_session TO flowpos_app;

-- Names of the people of the current businesses; "user" itself is out of the app's reach.
CREATE VIEW staff WITH (security_barrier) AS
  SELECT bu.business_id, bu.user_id, u.display_name AS name, bu.unique_role_name AS role,
         bu.is_active AND u.is_active AS is_active
  FROM business_user bu
  JOIN "user" u ON u.id = bu.user_id
  WHERE bu.business_id = ANY ((SELECT tenant_ids())::uuid[]);
GRANT SELECT ON staff TO flowpos_app;

-- What a caller needs to know of a business on every call, read with the credential.
CREATE VIEW business_card AS
  SELECT b.id, b.name, b.business_type, b.currency_code, b.timezone, b.day_cut, b.locale, b.tax_rate_bp, b.status,
         coalesce((SELECT array_agg(m.module ORDER BY m.module) FROM business_module m
                   WHERE m.business_id = b.id AND m.is_active), '{}')::text[] AS modules
  FROM business b;

-- Who holds this key? One row while the key is active, unexpired and its business open; otherwise none.
-- +goose StatementBegin
CREATE FUNCTION credential_by_key_hash(hash bytea)
RETURNS TABLE (key_id uuid, role text, member_role text, scopes text[], label text, user_id uuid, user_name text,
  expires_at timestamptz, last_used_at timestamptz, id uuid, name text, business_type text, currency_code text,
  timezone text, day_cut time, locale text, tax_rate_bp int, modules text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT k.id, k.role, k.member_role, k.scopes, k.label, k.created_by, u.display_name,
         k.expires_at, k.last_used_at, c.id, c.name, c.business_type, c.currency_code,
         c.timezone, c.day_cut, c.locale, c.tax_rate_bp, c.modules
  FROM mcp_api_key k
  LEFT JOIN "user" u ON u.id = k.created_by
  LEFT JOIN business_card c ON c.id = k.business_id
  WHERE k.key_hash = hash AND k.is_active
    AND (k.expires_at IS NULL OR k.expires_at > now())
    AND (k.business_id IS NULL OR c.status = 'active')
$$;
-- +goose StatementEnd

-- Is this key still in force? For open streams, past every cache.
-- +goose StatementBegin
CREATE FUNCTION key_in_force(key uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM mcp_api_key k
    LEFT JOIN business b ON b.id = k.business_id
    WHERE k.id = key AND k.is_active
      AND (k.expires_at IS NULL OR k.expires_at > now())
      AND (k.business_id IS NULL OR b.status = 'active'))
$$;
-- +goose StatementEnd

-- Remembers that a key was used, at most once in 5 minutes a key.
-- +goose StatementBegin
CREATE FUNCTION touch_key(key uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE mcp_api_key SET last_used_at = now()
  WHERE id = key AND (last_used_at IS NULL OR last_used_at < now() - interval '5 minutes')
$$;
-- +goose StatementEnd

-- Raises unless the key is an operator's and in force: the guard of the operator's questions.
-- +goose StatementBegin
CREATE FUNCTION require_operator(key uuid) RETURNS void
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM FROM mcp_api_key k
  WHERE k.id = key AND k.role = 'platform_operator' AND k.is_active AND (k.expires_at IS NULL OR k.expires_at > now());
  IF NOT FOUND THEN
    RAISE EXCEPTION 'not an operator key' USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;
-- +goose StatementEnd

-- The tenants of the platform, by name. The last sale comes from the right edge of sale_at.
-- +goose StatementBegin
CREATE FUNCTION operator_tenants(key uuid, want_query text, want_status text, want_plan text,
  after_name text, after_id uuid, max_rows int)
RETURNS TABLE (id uuid, name text, folded text, business_type text, status text, plan text, created_at timestamptz,
  last_activity timestamptz, total bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM require_operator(key);
  RETURN QUERY
    WITH hit AS (
      SELECT b.id, b.name, left(fold(b.name), 60) AS folded, b.business_type, b.status, b.plan, b.created_at
      FROM business b
      WHERE (want_query IS NULL OR strpos(fold(b.name), fold(want_query)) > 0)
        AND (want_status IS NULL OR b.status = want_status)
        AND (want_plan IS NULL OR b.plan = want_plan)
    )
    SELECT h.id, h.name, h.folded, h.business_type, h.status, h.plan, h.created_at,
           (SELECT s.at FROM sale s WHERE s.business_id = h.id ORDER BY s.at DESC, s.id DESC LIMIT 1),
           (SELECT count(*) FROM hit)
    FROM hit h
    WHERE after_name IS NULL OR (h.folded, h.id) > (after_name, after_id)
    ORDER BY h.folded, h.id
    LIMIT max_rows;
END $$;
-- +goose StatementEnd

-- Enters a tenant for a while, with a reason, on the record; a later stay of the same session replaces the earlier.
-- No row: there is no such tenant, or it is not open.
-- +goose StatementBegin
CREATE FUNCTION operator_enter(key uuid, session bytea, business uuid, why text, minutes int, only_read boolean)
RETURNS TABLE (access_id uuid, expires_at timestamptz, name text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  row mcp_operator_access;
  tenant text;
BEGIN
  PERFORM require_operator(key);
  IF minutes NOT BETWEEN 1 AND 60 THEN
    RAISE EXCEPTION 'minutes out of range' USING ERRCODE = 'check_violation';
  END IF;
  SELECT b.name INTO tenant FROM business b WHERE b.id = business AND b.status = 'active';
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE mcp_operator_access a SET expires_at = now()
  WHERE a.key_id = key AND a.session_hash IS NOT DISTINCT FROM session AND a.expires_at > now();
  INSERT INTO mcp_operator_access (key_id, session_hash, business_id, reason, read_only, expires_at)
  VALUES (key, session, business, why, only_read, now() + make_interval(mins => minutes))
  RETURNING * INTO row;
  INSERT INTO audit_log (business_id, entity, entity_id, action, new)
  VALUES (business, 'mcp_operator_access', row.id::text, 'operator_enter',
          jsonb_build_object('key_id', key, 'reason', why, 'read_only', only_read, 'expires_at', row.expires_at));
  RETURN QUERY SELECT row.id, row.expires_at, tenant;
END $$;
-- +goose StatementEnd

-- Where an operator may be now, newest first.
-- +goose StatementBegin
CREATE FUNCTION operator_stays(key uuid)
RETURNS TABLE (session_hash bytea, read_only boolean, expires_at timestamptz, id uuid, name text, business_type text,
  currency_code text, timezone text, day_cut time, locale text, tax_rate_bp int, modules text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM require_operator(key);
  RETURN QUERY
    SELECT a.session_hash, a.read_only, a.expires_at, c.id, c.name, c.business_type,
           c.currency_code, c.timezone, c.day_cut, c.locale, c.tax_rate_bp, c.modules
    FROM mcp_operator_access a
    JOIN business_card c ON c.id = a.business_id
    WHERE a.key_id = key AND a.expires_at > now() AND c.status = 'active'
    ORDER BY a.created_at DESC, a.id DESC;
END $$;
-- +goose StatementEnd

-- Functions are executable by everyone unless said otherwise.
REVOKE EXECUTE ON FUNCTION credential_by_key_hash(bytea), key_in_force(uuid), touch_key(uuid), require_operator(uuid),
  operator_tenants(uuid, text, text, text, text, uuid, int),
  operator_enter(uuid, bytea, uuid, text, int, boolean), operator_stays(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION credential_by_key_hash(bytea), key_in_force(uuid), touch_key(uuid),
  operator_tenants(uuid, text, text, text, text, uuid, int),
  operator_enter(uuid, bytea, uuid, text, int, boolean), operator_stays(uuid) TO flowpos_app;
