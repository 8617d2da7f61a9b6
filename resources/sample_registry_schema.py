"""The tables of the sample registry and how an older file becomes a current one.

Each entry of :data:`MIGRATIONS` leads from one ``user_version`` to the next; entries are only ever added.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # identity: the only place of the platform that knows who a patient is
        """CREATE TABLE subjects (
            subject_id TEXT PRIMARY KEY,
            sex TEXT NOT NULL,
            mrn TEXT,
            name TEXT,
            birth_date TEXT
        ) STRICT""",
        """CREATE TABLE samples (
            sample_id TEXT PRIMARY KEY,
            subject_id TEXT NOT NULL REFERENCES subjects,
            sex TEXT NOT NULL,
            family_id TEXT,
            father_id TEXT,
            mother_id TEXT,
            phenotype TEXT NOT NULL,
            order_id TEXT,
            secondary_findings_consent INTEGER NOT NULL,
            sheet TEXT NOT NULL,
            sheet_digest TEXT NOT NULL,
            content TEXT NOT NULL,
            attempt INTEGER NOT NULL,
            status TEXT NOT NULL,
            requested REAL,
            registered TEXT NOT NULL,
            withdrawn TEXT
        ) STRICT""",
        "CREATE INDEX samples_of_subject ON samples (subject_id)",
        "CREATE INDEX samples_of_family ON samples (family_id) WHERE family_id IS NOT NULL",
        "CREATE INDEX samples_of_father ON samples (father_id) WHERE father_id IS NOT NULL",
        "CREATE INDEX samples_of_mother ON samples (mother_id) WHERE mother_id IS NOT NULL",
        "CREATE INDEX samples_waiting ON samples (status, registered)",
        """CREATE TABLE reads (
            sample_id TEXT NOT NULL REFERENCES samples,
            position INTEGER NOT NULL,
            mate INTEGER NOT NULL,
            lane TEXT NOT NULL,
            path TEXT NOT NULL,
            md5 TEXT,
            bytes INTEGER NOT NULL,
            modified INTEGER NOT NULL,
            fingerprint TEXT NOT NULL,
            sha256 TEXT,
            PRIMARY KEY (sample_id, position, mate)
        ) STRICT, WITHOUT ROWID""",
        # every content a sample ever had, so that an outdated sheet does not bring an old one back
        """CREATE TABLE contents (
            sample_id TEXT NOT NULL REFERENCES samples,
            content TEXT NOT NULL,
            PRIMARY KEY (sample_id, content)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE digests (
            sha256 TEXT PRIMARY KEY,
            sample_id TEXT NOT NULL REFERENCES samples,
            lane TEXT NOT NULL,
            mate INTEGER NOT NULL,
            recorded TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE overrides (
            sample_id TEXT NOT NULL REFERENCES samples,
            asset TEXT NOT NULL,
            check_name TEXT NOT NULL,
            data_version TEXT NOT NULL,
            person TEXT NOT NULL,
            reason TEXT NOT NULL,
            recorded TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX overrides_of_sample ON overrides (sample_id)",
        """CREATE TABLE refusals (
            sheet TEXT NOT NULL,
            sample_id TEXT NOT NULL,
            line INTEGER NOT NULL,
            problem TEXT NOT NULL,
            remedy TEXT NOT NULL,
            PRIMARY KEY (sheet, sample_id)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE history (
            number INTEGER PRIMARY KEY,
            recorded TEXT NOT NULL,
            sample_id TEXT NOT NULL,
            event TEXT NOT NULL,
            details TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX history_of_sample ON history (sample_id)",
    ),
    (
        # what the order asks about, and a name in parts as reports want it
        "ALTER TABLE samples ADD COLUMN ordered_genes TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE samples ADD COLUMN panel TEXT",
        "ALTER TABLE subjects ADD COLUMN family TEXT",
        "ALTER TABLE subjects ADD COLUMN given TEXT NOT NULL DEFAULT '[]'",
    ),
)
