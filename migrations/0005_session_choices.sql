-- +goose Up

-- The business that each MCP session of a person chose last. Redis has it at hand for the calls; this says whether what
-- Redis has is still so, after a failover to a copy without its last writes. A program from before this step writes none:
-- a session without one is asked again, or goes where the sign-in chose last.

CREATE TABLE mcp_session_choice (
  id_hash         bytea PRIMARY KEY, -- of the session's id, as in mcp_closed_session
  grant_id        uuid NOT NULL REFERENCES mcp_grant ON DELETE CASCADE,
  active_business uuid NOT NULL REFERENCES business,
  chosen_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mcp_session_choice_grant ON mcp_session_choice (grant_id, chosen_at); -- a grant's, the oldest first

-- choose_business for a session: remembers the choice for both, or neither. A grant keeps its last 50.
-- +goose StatementBegin
CREATE FUNCTION choose_business_in(sid uuid, business uuid, session bytea)
RETURNS TABLE (good_until timestamptz, previous uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  RETURN QUERY SELECT c.good_until, c.previous FROM choose_business(sid, business) c;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  INSERT INTO mcp_session_choice (id_hash, grant_id, active_business) VALUES (session, sid, business)
  ON CONFLICT (id_hash) DO UPDATE SET active_business = EXCLUDED.active_business, chosen_at = now();
  DELETE FROM mcp_session_choice o
  WHERE o.id_hash IN (SELECT s.id_hash FROM mcp_session_choice s WHERE s.grant_id = sid ORDER BY s.chosen_at DESC OFFSET 50);
END $$;
-- +goose StatementEnd

-- The business that a session chose last; null when it chose none.
-- +goose StatementBegin
CREATE FUNCTION session_choice(session bytea) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT c.active_business FROM mcp_session_choice c WHERE c.id_hash = session
$$;
-- +goose StatementEnd

-- Functions are executable by everyone unless said otherwise.
REVOKE EXECUTE ON FUNCTION choose_business_in(uuid, uuid, bytea), session_choice(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION choose_business_in(uuid, uuid, bytea), session_choice(bytea) TO flowpos_app;
