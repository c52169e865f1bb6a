-- Institutions' shares of what loans are expected to lose. Of loans that were drawn before, the
-- allowance is shared when it changes next.

ALTER TABLE joint_loan ADD COLUMN allowance_shared BOOLEAN NOT NULL DEFAULT 0;
