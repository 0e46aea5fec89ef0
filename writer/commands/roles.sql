-- What `--migrate --grants` prints, before rights.sql (writer/commands/roles.c).
-- Comments in the form below stay in it. {migrate}, {writer} and {reader} are
-- the names of the roles; {relations} are the tables and sequences of the
-- collections.
/* The roles. They cannot log in and have no password until you say so:
   ALTER ROLE ... LOGIN PASSWORD '...'. A role that exists stays as it is. */
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['{migrate}', '{writer}', '{reader}'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
END
$$;
/* All three connect. {migrate} makes tables, and a temporary one. */
DO $$
BEGIN
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I, %I, %I',
    current_database(), '{migrate}', '{writer}', '{reader}');
  EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I',
    current_database(), '{migrate}');
END
$$;
CREATE SCHEMA IF NOT EXISTS sluice;
GRANT USAGE, CREATE ON SCHEMA public TO "{migrate}";
GRANT USAGE ON SCHEMA public, sluice TO "{writer}", "{reader}";
/* {migrate} owns the schema sluice, all that is in it, and the tables and
   sequences of the collections. */
DO $$
DECLARE
  owner CONSTANT regrole := '"{migrate}"';
  it text;
BEGIN
  FOR it IN
    SELECT 'SCHEMA sluice' FROM pg_namespace
      WHERE nspname = 'sluice' AND nspowner <> owner
    UNION ALL
    SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END
      || oid::regclass FROM pg_class
      WHERE relkind IN ('r', 'S') AND relowner <> owner
      AND (relnamespace = 'sluice'::regnamespace OR oid IN ({relations}))
    UNION ALL
    SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc
      WHERE pronamespace = 'sluice'::regnamespace AND proowner <> owner
  LOOP
    EXECUTE format('ALTER %s OWNER TO %s', it, owner);
  END LOOP;
END
$$;
