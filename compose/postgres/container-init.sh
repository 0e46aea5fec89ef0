#!/bin/sh
# Run once by the image of the primary, in an empty cluster: the users, the
# database, and the replica's slot.
set -eu

psql -v ON_ERROR_STOP=1 -X -q -U postgres -d postgres -v password="$POSTGRES_PASSWORD" <<-'SQL'
	CREATE ROLE sluice LOGIN PASSWORD 'sluice';
	CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'password';
	CREATE DATABASE sluice OWNER sluice;
	SELECT pg_create_physical_replication_slot('replica', true);
SQL
