-- Role and database of paperless. Safe to run again.
\getenv password DB_PASSWORD

SELECT 'CREATE ROLE paperless LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'paperless') \gexec

ALTER ROLE paperless PASSWORD :'password';

SELECT 'CREATE DATABASE paperless OWNER paperless'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'paperless') \gexec
