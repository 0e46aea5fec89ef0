#!/bin/sh
# Run once by the image of the primary, in an empty cluster: the users, the
# database, and the replica's slot.
set -eu

psql -v ON_ERROR_STOP=1 -X -q -U postgres -d postgres <<-'SQL'
	\getenv replicator REPLICATOR_PASSWORD
	\getenv migrate MIGRATE_PASSWORD
	\getenv writer WRITER_PASSWORD
	\getenv reader READER_PASSWORD
	CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'replicator';
	CREATE ROLE sluice_migrate LOGIN PASSWORD :'migrate';
	CREATE ROLE sluice_writer LOGIN PASSWORD :'writer';
	CREATE ROLE sluice_reader LOGIN PASSWORD :'reader';
	CREATE DATABASE sluice;
	SELECT pg_create_physical_replication_slot('replica', true);
SQL
