-- Role and database of forgejo. Safe to run again.
\getenv password DB_PASSWORD

SELECT 'CREATE ROLE forgejo LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'forgejo') \gexec

ALTER ROLE forgejo PASSWORD :'password';

SELECT 'CREATE DATABASE forgejo OWNER forgejo'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'forgejo') \gexec
