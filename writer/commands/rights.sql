-- The rights on what is there: `--migrate --grants` prints it, and each
-- --migrate runs it, for the tables that are new (writer/commands/roles.c).
-- {writer} and {reader} are the names of the roles; {collections} are the rows
-- of the collections. tests/integration/access/test_roles.py shows that each
-- role has what it needs, and that what it does not need is refused.
--
-- FOR UPDATE needs UPDATE: so the writer has it on what it prunes with SKIP
-- LOCKED. sluice.reserve moves a sequence with nextval and setval. It is no
-- SECURITY DEFINER function: its parameters name the table and the sequence, so
-- a caller could make its owner read a view of his own.
/* Nobody else has any right in the schema sluice. */
REVOKE ALL ON SCHEMA sluice FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA sluice FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA sluice FROM PUBLIC;
/* What each role may do with what is there. A role that was not set up for this
   database (by --migrate --grants) gets nothing. The rights on a table of yours
   are given by its owner, or by a superuser. */
DO $$
DECLARE
  r record;
BEGIN
  FOR r IN
    SELECT v.* FROM (VALUES
      ('{writer}', 'SELECT, UPDATE (cluster)', 'TABLE', 'sluice.log'),
      ('{writer}', 'SELECT, UPDATE', 'TABLE', 'sluice.progress'),
      ('{writer}', 'SELECT', 'TABLE', 'sluice.collections'),
      ('{writer}', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'sluice.rejections'),
      ('{writer}', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'sluice.idempotency'),
      ('{writer}', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'sluice.replays'),
      ('{writer}', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'sluice.producers'),
      ('{writer}', 'SELECT, INSERT, UPDATE, DELETE', 'TABLE', 'sluice.checkpoints'),
      ('{writer}', 'SELECT, INSERT, DELETE', 'TABLE', 'sluice.orders'),
      ('{writer}', 'SELECT, DELETE', 'TABLE', 'sluice.outbox'),
      ('{writer}', 'EXECUTE', 'FUNCTION', 'sluice.fence(int, bigint, bigint)'),
      ('{reader}', 'SELECT', 'TABLE', 'sluice.log'),
      ('{reader}', 'SELECT', 'TABLE', 'sluice.progress'),
      ('{reader}', 'SELECT', 'TABLE', 'sluice.epochs'),
      ('{reader}', 'SELECT', 'TABLE', 'sluice.collections'),
      ('{reader}', 'SELECT', 'TABLE', 'sluice.replays'),
      ('{reader}', 'SELECT ("partition", version, reason, detail, successor)', 'TABLE', 'sluice.rejections'),
      ('{reader}', 'EXECUTE', 'FUNCTION', 'sluice.reserve(regclass, regclass, name, int, bigint)'){collections}
    ) AS v(who, rights, kind, name)
    JOIN pg_roles u ON u.rolname = v.who
    WHERE has_schema_privilege(u.oid, 'sluice', 'USAGE')
      AND CASE v.kind WHEN 'FUNCTION' THEN to_regprocedure(v.name) IS NOT NULL
        WHEN 'SCHEMA' THEN EXISTS (SELECT FROM pg_namespace n
          WHERE n.oid = to_regnamespace(v.name)
          AND pg_has_role(n.nspowner, 'USAGE'))
        ELSE EXISTS (SELECT FROM pg_class c WHERE c.oid = to_regclass(v.name)
          AND pg_has_role(c.relowner, 'USAGE')) END
  LOOP
    EXECUTE format('GRANT %s ON %s %s TO %I', r.rights, r.kind, r.name, r.who);
  END LOOP;
END
$$;
