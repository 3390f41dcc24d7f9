-- +goose Up

-- The authorization server: clients that registered themselves, what a person chose for a client, and refresh tokens. A
-- grant that came from it names its client; one of POST /mcp/token does not. As in 0003 flowpos_app reaches all of this
-- through functions, one per question.

CREATE TABLE mcp_client (
  id            text PRIMARY KEY,
  name          text NOT NULL,
  redirect_uris text[] NOT NULL CHECK (cardinality(redirect_uris) > 0),
  secret_hash   bytea, -- SHA-256; null: a public client
  approved_at   timestamptz, -- when a person first let it in; until then it is forgotten after a day
  last_used_at  timestamptz NOT NULL DEFAULT now(),
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mcp_client_unapproved ON mcp_client (created_at) WHERE approved_at IS NULL; -- counted and forgotten by register_client
CREATE INDEX mcp_client_idle ON mcp_client (last_used_at) WHERE approved_at IS NOT NULL; -- forgotten by register_client

ALTER TABLE mcp_grant
  ADD code_hash   bytea UNIQUE, -- SHA-256 of the code that it was made of: a code makes one grant, ever
  ADD client_name text,         -- what the client called itself then
  ADD client_host text,         -- of the document that said so; null: it registered itself
  ADD snapshot    json,         -- the client as it was when the person approved it; jsonb would refuse some of what JSON allows
  ADD toolsets    text[] NOT NULL DEFAULT '{}'; -- what its tools/list shows besides

CREATE TABLE mcp_refresh_token (
  hash       bytea PRIMARY KEY, -- SHA-256
  grant_id   uuid NOT NULL REFERENCES mcp_grant ON DELETE CASCADE,
  used_at    timestamptz, -- first use; what follows it is derived from it, so that all who refresh at once get the same
  expires_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mcp_refresh_token_grant ON mcp_refresh_token (grant_id, expires_at); -- forgotten by rotate_refresh

CREATE TABLE mcp_consent (
  user_id    uuid NOT NULL REFERENCES "user",
  client_id  text NOT NULL,
  businesses uuid[] NOT NULL,
  scopes     text[] NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, client_id)
);

-- Clients -----------------------------------------------------------------------------------------------------------------

-- Remembers a client that registered itself. Each registration takes along some that nobody approved within a day or used
-- within 90 days, unless a grant of theirs is in force. While ten thousand wait for a first approval those of more than an
-- hour go too, so that a flood closes the door for as long as it lasts and not for a day; false: all are younger.
-- +goose StatementBegin
CREATE FUNCTION register_client(client text, client_name text, redirects text[], secret bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  DELETE FROM mcp_client c
  WHERE c.id IN (SELECT o.id FROM mcp_client o
                 WHERE o.approved_at IS NULL AND o.created_at < now() - interval '1 day'
                 ORDER BY o.created_at LIMIT 100 FOR UPDATE SKIP LOCKED)
     OR c.id IN (SELECT o.id FROM mcp_client o
                 WHERE o.approved_at IS NOT NULL AND o.last_used_at < now() - interval '90 days'
                   AND NOT EXISTS (SELECT FROM mcp_grant g WHERE g.client_id = o.id AND g.revoked_at IS NULL AND g.expires_at > now())
                 ORDER BY o.last_used_at LIMIT 20 FOR UPDATE SKIP LOCKED);
  IF (SELECT count(*) FROM mcp_client c WHERE c.approved_at IS NULL) >= 10000 THEN
    DELETE FROM mcp_client c
    WHERE c.id IN (SELECT o.id FROM mcp_client o
                   WHERE o.approved_at IS NULL AND o.created_at < now() - interval '1 hour'
                   ORDER BY o.created_at LIMIT 100 FOR UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
      RETURN false;
    END IF;
  END IF;
  INSERT INTO mcp_client (id, name, redirect_uris, secret_hash) VALUES (client, client_name, redirects, secret);
  RETURN true;
END $$;
-- +goose StatementEnd
CREATE INDEX mcp_grant_client ON mcp_grant (client_id) WHERE client_id IS NOT NULL; -- whether a client's grants are in force

-- +goose StatementBegin
CREATE FUNCTION registered_client(client text)
RETURNS TABLE (name text, redirect_uris text[], secret_hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.name, c.redirect_uris, c.secret_hash FROM mcp_client c
  WHERE c.id = client AND (c.approved_at IS NOT NULL OR c.created_at > now() - interval '1 day')
$$;
-- +goose StatementEnd

-- Consents ----------------------------------------------------------------------------------------------------------------

-- What a person chose for a client last, of the businesses where that person still is an active member.
-- +goose StatementBegin
CREATE FUNCTION last_consent(uid text, client text) RETURNS TABLE (businesses uuid[], scopes text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT ARRAY(SELECT m.business_id FROM business_user m
               WHERE m.user_id = u.id AND m.is_active AND m.business_id = ANY (c.businesses)), c.scopes
  FROM mcp_consent c
  JOIN "user" u ON u.id = c.user_id
  WHERE u.firebase_uid = uid AND c.client_id = client
$$;
-- +goose StatementEnd

-- Grants ------------------------------------------------------------------------------------------------------------------

-- Turns a code into a grant with its first refresh token, once: a code that made a grant before ends that grant, whoever
-- comes with it, and however the two came about at the same moment.
--   made      the grant is there
--   replayed  the code had made one before, which is over now
--   nobody    the person is switched off, or a member of none of the businesses any more
-- The businesses are those where the person still is an active member. Each business has it on its record. Beyond 50 grants
-- of a person's assistants the least recently used ends. Locks come in the order person, grants, client, as everywhere; the
-- one of the person lets rows that refer to it be written meanwhile (audit_log, other grants).
-- +goose StatementBegin
CREATE FUNCTION redeem_code(code bytea, uid text, client text, called text, host text, snap json, want text[],
  enter uuid[], sets text[], refresh bytea, idle interval)
RETURNS TABLE (outcome text, grant_id uuid, user_id uuid, expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  person uuid;
  places uuid[];
  made mcp_grant;
BEGIN
  SELECT u.id INTO person FROM "user" u WHERE u.firebase_uid = uid AND u.is_active FOR NO KEY UPDATE; -- one after the other, for the 50
  SELECT array_agg(m.business_id ORDER BY m.business_id) INTO places
  FROM business_user m JOIN business b ON b.id = m.business_id AND b.status = 'active'
  WHERE m.user_id = person AND m.is_active AND m.business_id = ANY (enter);
  IF person IS NULL OR places IS NULL THEN
    RETURN QUERY SELECT 'nobody', NULL::uuid, NULL::uuid, NULL::timestamptz;
    RETURN;
  END IF;
  INSERT INTO mcp_grant AS g (user_id, client_id, client_name, client_host, snapshot, scopes, businesses, toolsets, code_hash)
  VALUES (person, client, called, host, snap, want, places, sets, code)
  ON CONFLICT (code_hash) DO NOTHING
  RETURNING g.* INTO made;
  IF NOT FOUND THEN
    PERFORM end_grant_of_code(code);
    RETURN QUERY SELECT 'replayed', NULL::uuid, NULL::uuid, NULL::timestamptz;
    RETURN;
  END IF;
  INSERT INTO mcp_refresh_token (hash, grant_id, expires_at) VALUES (refresh, made.id, least(now() + idle, made.expires_at));
  DELETE FROM mcp_grant g
  WHERE g.user_id = person AND least(g.expires_at, g.revoked_at) < now() - interval '30 days';
  UPDATE mcp_grant g SET revoked_at = now()
  WHERE g.id IN (SELECT o.id FROM mcp_grant o
                 WHERE o.user_id = person AND o.client_id IS NOT NULL AND o.revoked_at IS NULL AND o.expires_at > now()
                 ORDER BY o.last_used_at DESC, o.id DESC
                 OFFSET 50);
  UPDATE mcp_client c SET approved_at = coalesce(c.approved_at, now()), last_used_at = now() WHERE c.id = client;
  INSERT INTO mcp_consent AS c (user_id, client_id, businesses, scopes) VALUES (person, client, places, want)
  ON CONFLICT ON CONSTRAINT mcp_consent_pkey DO UPDATE SET businesses = places, scopes = want, decided_at = now();
  INSERT INTO audit_log (business_id, entity, entity_id, action, new, user_id)
  SELECT p, 'mcp_grant', made.id::text, 'connect', jsonb_build_object('client', client, 'name', called, 'host', host, 'scopes', want), person
  FROM unnest(places) p;
  RETURN QUERY SELECT 'made', made.id, person, made.expires_at;
END $$;
-- +goose StatementEnd

-- Ends the grant that a code has made, if it has: for a code that comes again.
-- +goose StatementBegin
CREATE FUNCTION end_grant_of_code(code bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE mcp_grant g SET revoked_at = coalesce(g.revoked_at, now()) WHERE g.code_hash = code;
  RETURN FOUND;
END $$;
-- +goose StatementEnd

-- Takes a refresh token and remembers the one that follows it, for all who come with the same one within the grace the
-- same. One that comes later than that after its first use is a copy: the grant ends. Of a grant the last 2,000 are known,
-- half a year of refreshing every two hours; a client that refreshes in a loop fills no table.
--   good      the one that follows is good; spent says whether it was used itself, in which case its own follower is
--             what the client must get, so that it never keeps one that is about to count as a copy
--   reused    a copy, and the grant is over
--   ended     the token, the grant, the person or the last membership is not in force
--   unknown   there is no such token of this client
-- +goose StatementBegin
CREATE FUNCTION rotate_refresh(old bytea, client text, fresh bytea, idle interval, grace interval)
RETURNS TABLE (outcome text, spent boolean, grant_id uuid, user_id uuid, scopes text[], expires_at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  g mcp_grant;
  t mcp_refresh_token;
  at timestamptz;
  follower timestamptz;
BEGIN
  SELECT o.* INTO g FROM mcp_grant o JOIN mcp_refresh_token r ON r.grant_id = o.id
  WHERE r.hash = old AND o.client_id = client FOR UPDATE OF o; -- one after the other
  IF NOT FOUND THEN
    RETURN QUERY SELECT 'unknown', false, NULL::uuid, NULL::uuid, NULL::text[], NULL::timestamptz;
    RETURN;
  END IF;
  at := clock_timestamp(); -- after the wait for the others
  SELECT r.* INTO t FROM mcp_refresh_token r WHERE r.hash = old;
  IF t.hash IS NULL OR g.revoked_at IS NOT NULL OR g.expires_at <= at OR t.expires_at <= at
     OR NOT EXISTS (SELECT FROM "user" u
                    JOIN business_user m ON m.user_id = u.id AND m.is_active AND m.business_id = ANY (g.businesses)
                    JOIN business b ON b.id = m.business_id AND b.status = 'active'
                    WHERE u.id = g.user_id AND u.is_active) THEN
    RETURN QUERY SELECT 'ended', false, g.id, g.user_id, g.scopes, g.expires_at;
    RETURN;
  END IF;
  IF t.used_at < at - grace THEN
    UPDATE mcp_grant o SET revoked_at = at WHERE o.id = g.id;
    RETURN QUERY SELECT 'reused', false, g.id, g.user_id, g.scopes, g.expires_at;
    RETURN;
  END IF;
  UPDATE mcp_refresh_token r SET used_at = at WHERE r.hash = old AND r.used_at IS NULL;
  INSERT INTO mcp_refresh_token (hash, grant_id, expires_at) VALUES (fresh, g.id, least(at + idle, g.expires_at))
  ON CONFLICT (hash) DO NOTHING;
  SELECT r.used_at INTO follower FROM mcp_refresh_token r WHERE r.hash = fresh;
  DELETE FROM mcp_refresh_token r WHERE r.grant_id = g.id AND r.expires_at < at - interval '1 day';
  DELETE FROM mcp_refresh_token r
  WHERE r.hash IN (SELECT o.hash FROM mcp_refresh_token o WHERE o.grant_id = g.id ORDER BY o.expires_at DESC, o.hash OFFSET 2000);
  UPDATE mcp_grant o SET last_used_at = at WHERE o.id = g.id;
  UPDATE mcp_client c SET last_used_at = at WHERE c.id = client AND c.last_used_at < at - interval '1 day';
  RETURN QUERY SELECT 'good', follower IS NOT NULL, g.id, g.user_id, g.scopes, g.expires_at;
END $$;
-- +goose StatementEnd

-- Ends the grant of a refresh token, for the client that has it; null: for whoever has the token.
-- +goose StatementBegin
CREATE FUNCTION end_grant_of_refresh(token bytea, client text) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE mcp_grant g SET revoked_at = coalesce(g.revoked_at, now())
  FROM mcp_refresh_token r
  WHERE r.hash = token AND g.id = r.grant_id AND (client IS NULL OR g.client_id = client)
  RETURNING g.id
$$;
-- +goose StatementEnd

-- Ends a grant of the authorization server, for the client whose it is; null: for whoever has a token of it.
-- +goose StatementBegin
CREATE FUNCTION end_grant_of_client(sid uuid, client text) RETURNS uuid
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE mcp_grant g SET revoked_at = coalesce(g.revoked_at, now()) WHERE g.id = sid AND g.client_id = coalesce(client, g.client_id) RETURNING g.id
$$;
-- +goose StatementEnd

-- What a person has let in, the last used first: assistants and plain tokens in force, with the businesses that each opens now.
-- +goose StatementBegin
CREATE FUNCTION member_grants(uid text)
RETURNS TABLE (id uuid, client text, host text, scopes text[], businesses text[], created_at timestamptz,
  last_used_at timestamptz, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT g.id, coalesce(g.client_name, ''), coalesce(g.client_host, ''), g.scopes,
         ARRAY(SELECT b.name FROM business_user m JOIN business b ON b.id = m.business_id AND b.status = 'active'
               WHERE m.user_id = u.id AND m.is_active AND (g.businesses IS NULL OR m.business_id = ANY (g.businesses))
               ORDER BY fold(b.name), b.id),
         g.created_at, g.last_used_at, g.expires_at
  FROM mcp_grant g
  JOIN "user" u ON u.id = g.user_id
  WHERE u.firebase_uid = uid AND u.is_active AND g.revoked_at IS NULL AND g.expires_at > now()
  ORDER BY g.last_used_at DESC, g.id DESC
$$;
-- +goose StatementEnd

-- Ends a grant of a person, on the record of its businesses. False: the person has no such grant.
-- +goose StatementBegin
CREATE FUNCTION member_end_grant(uid text, sid uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  g mcp_grant;
BEGIN
  SELECT o.* INTO g FROM mcp_grant o JOIN "user" u ON u.id = o.user_id
  WHERE o.id = sid AND u.firebase_uid = uid AND u.is_active FOR UPDATE OF o;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  IF g.revoked_at IS NOT NULL THEN
    RETURN true;
  END IF;
  UPDATE mcp_grant o SET revoked_at = now() WHERE o.id = sid;
  INSERT INTO audit_log (business_id, entity, entity_id, action, old, user_id)
  SELECT b, 'mcp_grant', sid::text, 'disconnect', jsonb_build_object('client', g.client_id, 'name', g.client_name, 'scopes', g.scopes), g.user_id
  FROM unnest(g.businesses) b;
  RETURN true;
END $$;
-- +goose StatementEnd

-- As in 0003, but what a person's assistants were granted is not counted: a script that exchanges a sign-in for every call
-- does not log them out.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION open_grant(uid text, client text, want text[]) RETURNS uuid
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
                 WHERE o.user_id = person AND o.client_id IS NULL AND o.revoked_at IS NULL AND o.expires_at > now()
                 ORDER BY o.last_used_at DESC, o.id DESC
                 OFFSET 49);
  INSERT INTO mcp_grant (user_id, scopes) VALUES (person, want) RETURNING id INTO made;
  RETURN made;
END $$;
-- +goose StatementEnd

REVOKE EXECUTE ON FUNCTION register_client(text, text, text[], bytea), registered_client(text), last_consent(text, text),
  redeem_code(bytea, text, text, text, text, json, text[], uuid[], text[], bytea, interval), end_grant_of_code(bytea),
  rotate_refresh(bytea, text, bytea, interval, interval), end_grant_of_refresh(bytea, text), end_grant_of_client(uuid, text),
  member_grants(text), member_end_grant(text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION register_client(text, text, text[], bytea), registered_client(text), last_consent(text, text),
  redeem_code(bytea, text, text, text, text, json, text[], uuid[], text[], bytea, interval), end_grant_of_code(bytea),
  rotate_refresh(bytea, text, bytea, interval, interval), end_grant_of_refresh(bytea, text), end_grant_of_client(uuid, text),
  member_grants(text), member_end_grant(text, uuid) TO flowpos_app;
