-- A catalogue of schema 4 (November 2026): the one of schema 3, migrated.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('4');
CREATE TABLE chunks (
	id VARCHAR NOT NULL, 
	document_id VARCHAR NOT NULL, 
	heading_path JSON NOT NULL, 
	text TEXT NOT NULL, 
	start INTEGER NOT NULL, 
	"end" INTEGER NOT NULL, 
	page INTEGER, 
	embedded_hash VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);
INSERT INTO "chunks" VALUES('tabby-0','tabby','["Cats", "At home"]','tabby 0',0,1,NULL,'769fd7e7b6743c523dced2ee9dd1d38e');
INSERT INTO "chunks" VALUES('tabby-1','tabby','["Cats", "At home"]','tabby 1',1,2,2,'2c46acc4551c61992d225d31dfb4a9a1');
INSERT INTO "chunks" VALUES('siamese-0','siamese','["Cats", "At home"]','siamese 0',0,1,NULL,'3845d4f9313cc61e05e7f4e4626b4e06');
INSERT INTO "chunks" VALUES('beagle-0','beagle','["Cats", "At home"]','beagle 0',0,1,NULL,'2b859b209dda9f5b58e4d8fee4f2d74e');
INSERT INTO "chunks" VALUES('beagle-1','beagle','["Cats", "At home"]','beagle 1',1,2,2,'aecdb837387d6abca963c6e8d6bd99fa');
INSERT INTO "chunks" VALUES('beagle-2','beagle','["Cats", "At home"]','beagle 2',2,3,3,'8e51d090a55337c04ac78b2421d752d4');
INSERT INTO "chunks" VALUES('tabby-again-0','tabby-again','["Cats", "At home"]','tabby-again 0',0,1,NULL,'8abe2868d6b6e727d23c9d30e2564218');
INSERT INTO "chunks" VALUES('tabby-again-1','tabby-again','["Cats", "At home"]','tabby-again 1',1,2,2,'8b7afc0e47d87a0de9f540068c7dc141');
CREATE TABLE documents (
	id VARCHAR NOT NULL, 
	source_id INTEGER NOT NULL, 
	collection VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	title VARCHAR NOT NULL, 
	content_hash VARCHAR NOT NULL, 
	recipe VARCHAR NOT NULL, 
	access VARCHAR NOT NULL, 
	text TEXT NOT NULL, 
	missing VARCHAR NOT NULL, 
	state VARCHAR DEFAULT 'parsed' NOT NULL, reason VARCHAR DEFAULT '' NOT NULL, mark VARCHAR DEFAULT '' NOT NULL, reading VARCHAR DEFAULT '' NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(source_id) REFERENCES sources (id) ON DELETE CASCADE
);
INSERT INTO "documents" VALUES('tabby',1,'cats','a.md','Tabby','hash of tabby','recipe','public','text of tabby','','live','','','');
INSERT INTO "documents" VALUES('siamese',1,'cats','b.pdf','Siamese','hash of siamese','recipe','public','text of siamese','1 of 2 pages have no text','live','','','');
INSERT INTO "documents" VALUES('beagle',2,'dogs','c.md','Beagle','hash of beagle','recipe','public','text of beagle','','live','','','');
INSERT INTO "documents" VALUES('tabby-again',1,'cats','a.md','Tabby-Again','hash of tabby-again','recipe','public','text of tabby-again','','parsed','','','');
CREATE TABLE embeddings (
	embedded_hash VARCHAR NOT NULL, 
	fingerprint VARCHAR NOT NULL, 
	vector BLOB NOT NULL, 
	PRIMARY KEY (embedded_hash, fingerprint)
);
INSERT INTO "embeddings" VALUES('769fd7e7b6743c523dced2ee9dd1d38e','model',X'0000803F0000000000000000');
INSERT INTO "embeddings" VALUES('2c46acc4551c61992d225d31dfb4a9a1','model',X'0000803F000000000000803F');
INSERT INTO "embeddings" VALUES('3845d4f9313cc61e05e7f4e4626b4e06','model',X'0000803F0000000000000000');
INSERT INTO "embeddings" VALUES('2b859b209dda9f5b58e4d8fee4f2d74e','model',X'0000803F0000000000000000');
INSERT INTO "embeddings" VALUES('aecdb837387d6abca963c6e8d6bd99fa','model',X'0000803F000000000000803F');
INSERT INTO "embeddings" VALUES('8e51d090a55337c04ac78b2421d752d4','model',X'0000803F0000000000000040');
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value VARCHAR NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('generation','4');
INSERT INTO "meta" VALUES('fingerprint','model');
INSERT INTO "meta" VALUES('built_in_read','yes');
CREATE TABLE outlines (
	document_id VARCHAR NOT NULL, 
	outline JSON NOT NULL, 
	PRIMARY KEY (document_id), 
	FOREIGN KEY(document_id) REFERENCES documents (id) ON DELETE CASCADE
);
CREATE TABLE sources (
	id INTEGER NOT NULL, 
	collection VARCHAR NOT NULL, 
	location VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (collection, location)
);
INSERT INTO "sources" VALUES(1,'cats','/cats');
INSERT INTO "sources" VALUES(2,'dogs','knowledge:dogs');
CREATE INDEX ix_chunks_document_id ON chunks (document_id);
CREATE INDEX ix_chunks_embedded_hash ON chunks (embedded_hash);
CREATE INDEX ix_documents_source_id_path ON documents (source_id, path);
COMMIT;
PRAGMA user_version = 4;
