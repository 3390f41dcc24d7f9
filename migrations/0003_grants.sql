-- +goose Up

-- Grants: what stands behind the access tokens of people who signed in. Each exchange of a sign-in writes one, refreshed
-- tokens keep it, and ending it ends them all. As with keys, flowpos_app reaches none of this but through functions, one
-- per question.

CREATE TABLE mcp_grant (
  id              uuid PRIMARY KEY DEFAULT uuid_v7(), -- the tokens' sid
  user_id         uuid NOT NULL REFERENCES "user",
  client_id       text, -- the assistant that asked, where it said which
  scopes          text[] NOT NULL CHECK (cardinality(scopes) > 0),
  businesses      uuid[], -- those it is for; null: all that the person is an active member of
  active_business uuid REFERENCES business, -- the last choice of set_active_business, good for 30 minutes
  active_since    timestamptz,
  last_used_at    timestamptz NOT NULL DEFAULT now(),
  expires_at      timestamptz NOT NULL DEFAULT now() + interval '180 days', -- whatever is refreshed until then
  revoked_at      timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now(),
  CHECK ((active_business IS NULL) = (active_since IS NULL))
);
CREATE INDEX mcp_grant_user ON mcp_grant (user_id, last_used_at); -- a person's grants, the least used first
CREATE TRIGGER touch BEFORE UPDATE ON mcp_grant FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- Who signed in with this Firebase uid, and the open businesses where that person is an active member; one row without a
-- business when there is none, no row when nobody has this uid.
-- +goose StatementBegin
CREATE FUNCTION person_by_firebase_uid(uid text)
RETURNS TABLE (user_id uuid, user_name text, is_active boolean, id uuid, name text, member_role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.id, u.display_name, u.is_active, b.id, b.name, m.unique_role_name
  FROM "user" u
  LEFT JOIN (business_user m JOIN business b ON b.id = m.business_id AND b.status = 'active')
    ON m.user_id = u.id AND m.is_active
  WHERE u.firebase_uid = uid
  ORDER BY fold(b.name), b.id
$$;
-- +goose StatementEnd

-- Writes a grant for the person with this uid and returns its id; null when there is no such active person. Whoever
-- exchanges a sign-in for every call must not fill the table: beyond 50 in force the least recently used ends, and what
-- ended a month ago is forgotten.
-- +goose StatementBegin
CREATE FUNCTION open_grant(uid text, client text, want text[]) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  person uuid;
  made uuid;
BEGIN
  SELECT u.id INTO person FROM "user" u WHERE u.firebase_uid = uid AND u.is_active;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  DELETE FROM mcp_grant g
  WHERE g.user_id = person AND least(g.expires_at, g.revoked_at) < now() - interval '30 days';
  UPDATE mcp_grant g SET revoked_at = now()
  WHERE g.id IN (SELECT o.id FROM mcp_grant o
                 WHERE o.user_id = person AND o.revoked_at IS NULL AND o.expires_at > now()
                 ORDER BY o.last_used_at DESC, o.id DESC
                 OFFSET 49);
  INSERT INTO mcp_grant (user_id, client_id, scopes) VALUES (person, client, want) RETURNING id INTO made;
  RETURN made;
END $$;
-- +goose StatementEnd

-- Whose grant is this, and where may they go? No row unless the grant is in force and the person active; one row without
-- a business when no active membership in an open business is left.
-- +goose StatementBegin
CREATE FUNCTION credential_by_grant(sid uuid)
RETURNS TABLE (user_id uuid, user_name text, scopes text[], expires_at timestamptz, member_role text, id uuid, name text,
  business_type text, currency_code text, timezone text, day_cut time, locale text, tax_rate_bp int, modules text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.id, u.display_name, g.scopes, g.expires_at, m.unique_role_name, c.id, c.name,
         c.business_type, c.currency_code, c.timezone, c.day_cut, c.locale, c.tax_rate_bp, c.modules
  FROM mcp_grant g
  JOIN "user" u ON u.id = g.user_id AND u.is_active
  LEFT JOIN (business_user m JOIN business_card c ON c.id = m.business_id AND c.status = 'active')
    ON m.user_id = u.id AND m.is_active AND (g.businesses IS NULL OR m.business_id = ANY (g.businesses))
  WHERE g.id = sid AND g.revoked_at IS NULL AND g.expires_at > now()
  ORDER BY fold(c.name), c.id
$$;
-- +goose StatementEnd

-- What a grant still opens, and as what: for open streams, past every cache. No row: it is not in force.
-- +goose StatementBegin
CREATE FUNCTION grant_in_force(sid uuid) RETURNS TABLE (business_id uuid, member_role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT m.business_id, m.unique_role_name
  FROM mcp_grant g
  JOIN "user" u ON u.id = g.user_id AND u.is_active
  JOIN business_user m ON m.user_id = u.id AND m.is_active
  JOIN business b ON b.id = m.business_id AND b.status = 'active'
  WHERE g.id = sid AND g.revoked_at IS NULL AND g.expires_at > now()
    AND (g.businesses IS NULL OR m.business_id = ANY (g.businesses))
$$;
-- +goose StatementEnd

-- Remembers that a grant was used, at most once in 5 minutes a grant.
-- +goose StatementBegin
CREATE FUNCTION touch_grant(sid uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE mcp_grant SET last_used_at = now()
  WHERE id = sid AND last_used_at < now() - interval '5 minutes'
$$;
-- +goose StatementEnd

-- Remembers the business that a person chose. Returns the choice before, where it was still good; no row when the grant
-- does not open that business.
-- +goose StatementBegin
CREATE FUNCTION choose_business(sid uuid, business uuid)
RETURNS TABLE (good_until timestamptz, previous uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  before uuid;
BEGIN
  PERFORM FROM grant_in_force(sid) f WHERE f.business_id = business;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT CASE WHEN g.active_since > now() - interval '30 minutes' THEN g.active_business END INTO before
  FROM mcp_grant g WHERE g.id = sid FOR UPDATE;
  UPDATE mcp_grant g SET active_business = business, active_since = now() WHERE g.id = sid;
  RETURN QUERY SELECT now() + interval '30 minutes', before;
END $$;
-- +goose StatementEnd

-- The business that was chosen with this grant, for 30 minutes; null when there is none.
-- +goose StatementBegin
CREATE FUNCTION chosen_business(sid uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT g.active_business FROM mcp_grant g WHERE g.id = sid AND g.active_since > now() - interval '30 minutes'
$$;
-- +goose StatementEnd

-- Keys of a business, by the people who run it -------------------------------------------------------------------------

-- The user id behind a uid, if that person is an owner or admin of the business; raises otherwise, whether or not there is
-- such a business.
-- +goose StatementBegin
CREATE FUNCTION require_key_manager(uid text, business uuid) RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  person uuid;
BEGIN
  SELECT u.id INTO person
  FROM "user" u
  JOIN business_user m ON m.user_id = u.id AND m.business_id = business AND m.is_active
  JOIN business b ON b.id = m.business_id AND b.status = 'active'
  WHERE u.firebase_uid = uid AND u.is_active AND m.unique_role_name IN ('owner', 'admin');
  IF NOT FOUND THEN
    RAISE EXCEPTION 'not an owner or admin of this business' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN person;
END $$;
-- +goose StatementEnd

-- The keys of a business, oldest first.
-- +goose StatementBegin
CREATE FUNCTION member_keys(uid text, business uuid)
RETURNS TABLE (id uuid, business_id uuid, role text, scopes text[], label text, is_active boolean, created_at timestamptz,
  expires_at timestamptz, last_used_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM require_key_manager(uid, business);
  RETURN QUERY
    SELECT k.id, k.business_id, k.role, k.scopes, k.label, k.is_active, k.created_at, k.expires_at, k.last_used_at
    FROM mcp_api_key k
    WHERE k.business_id = business
    ORDER BY k.created_at, k.id;
END $$;
-- +goose StatementEnd

-- Makes a key of a business, on its record. It acts as an owner within its scopes.
-- +goose StatementBegin
CREATE FUNCTION member_create_key(uid text, business uuid, hash bytea, hint text, kind text, want text[], label text,
  expires timestamptz)
RETURNS TABLE (id uuid, business_id uuid, role text, scopes text[], label_now text, is_active boolean,
  created_at timestamptz, expires_at timestamptz, last_used_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  person uuid := require_key_manager(uid, business);
  k mcp_api_key;
BEGIN
  IF kind NOT IN ('merchant', 'tenant_developer') THEN
    RAISE EXCEPTION 'not a role of a key of a business' USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO mcp_api_key (business_id, key_hash, hint, role, scopes, label, created_by, expires_at)
  VALUES (business, hash, hint, kind, want, label, person, expires)
  RETURNING * INTO k;
  INSERT INTO audit_log (business_id, entity, entity_id, action, new, user_id)
  VALUES (business, 'mcp_api_key', k.id::text, 'create',
          jsonb_build_object('role', k.role, 'scopes', k.scopes, 'label', k.label, 'expires_at', k.expires_at), person);
  RETURN QUERY SELECT k.id, k.business_id, k.role, k.scopes, k.label, k.is_active, k.created_at, k.expires_at, k.last_used_at;
END $$;
-- +goose StatementEnd

-- Switches a key off, or removes it, on the record. No row: the person is no member of a business with such a key. A
-- member who is neither owner nor admin is refused.
-- +goose StatementBegin
CREATE FUNCTION member_end_key(uid text, key uuid, remove boolean)
RETURNS TABLE (id uuid, business_id uuid, role text, scopes text[], label text, is_active boolean, created_at timestamptz,
  expires_at timestamptz, last_used_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  person uuid;
  k mcp_api_key;
BEGIN
  SELECT o.* INTO k
  FROM mcp_api_key o
  JOIN business_user m ON m.business_id = o.business_id AND m.is_active
  JOIN "user" u ON u.id = m.user_id AND u.firebase_uid = uid AND u.is_active
  WHERE o.id = key
  FOR UPDATE OF o;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  person := require_key_manager(uid, k.business_id);
  IF remove THEN
    DELETE FROM mcp_api_key o WHERE o.id = key;
  ELSE
    UPDATE mcp_api_key o SET is_active = false WHERE o.id = key;
  END IF;
  INSERT INTO audit_log (business_id, entity, entity_id, action, old, user_id)
  VALUES (k.business_id, 'mcp_api_key', key::text, CASE WHEN remove THEN 'delete' ELSE 'revoke' END,
          jsonb_build_object('role', k.role, 'scopes', k.scopes, 'label', k.label, 'is_active', k.is_active), person);
  RETURN QUERY SELECT k.id, k.business_id, k.role, k.scopes, k.label, false, k.created_at, k.expires_at, k.last_used_at;
END $$;
-- +goose StatementEnd

-- Functions are executable by everyone unless said otherwise.
REVOKE EXECUTE ON FUNCTION person_by_firebase_uid(text), open_grant(text, text, text[]), credential_by_grant(uuid),
  grant_in_force(uuid), touch_grant(uuid), choose_business(uuid, uuid), chosen_business(uuid),
  require_key_manager(text, uuid), member_keys(text, uuid),
  member_create_key(text, uuid, bytea, text, text, text[], text, timestamptz), member_end_key(text, uuid, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION person_by_firebase_uid(text), open_grant(text, text, text[]), credential_by_grant(uuid),
  grant_in_force(uuid), touch_grant(uuid), choose_business(uuid, uuid), chosen_business(uuid),
  member_keys(text, uuid),
  member_create_key(text, uuid, bytea, text, text, text[], text, timestamptz), member_end_key(text, uuid, boolean) TO flowpos_app;
