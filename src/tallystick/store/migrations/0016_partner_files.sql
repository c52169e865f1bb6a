-- The ledger's key signs institutions' files, too; what is looked for by institution and time.

DROP TABLE partner_file_key;
DROP INDEX share_flow_institution;
CREATE INDEX share_flow_institution ON share_flow (institution_id, at_ns);
CREATE INDEX share_flow_reversed ON share_flow (institution_id, loan_id) WHERE kind = 'reversed';
