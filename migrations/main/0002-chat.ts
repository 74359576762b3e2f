import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTenantTable } from '../row-level-security.ts';

/** Bots, conversations, messages, turns, and the outbox. */
export class Chat1763700000002 implements MigrationInterface {
  name = 'Chat1763700000002';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE bots (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        name text NOT NULL,
        allowed_origins text[] NOT NULL DEFAULT '{}',
        draft bytea NOT NULL,
        metadata bytea,
        published_version_id uuid,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id)
      );

      CREATE TABLE bot_versions (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        bot_id uuid NOT NULL,
        number integer NOT NULL,
        settings bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, bot_id, number),
        FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE
      );
      ALTER TABLE bots ADD CONSTRAINT bots_published_version
        FOREIGN KEY (tenant_id, published_version_id) REFERENCES bot_versions (tenant_id, id) DEFERRABLE INITIALLY DEFERRED;
      ALTER TABLE api_keys ADD CONSTRAINT api_keys_bot
        FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE;

      CREATE TABLE conversations (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        bot_id uuid NOT NULL,
        visitor_id uuid NOT NULL,
        client_key bytea,
        title bytea,
        metadata bytea,
        next_position integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, visitor_id) REFERENCES visitors (tenant_id, id) ON DELETE CASCADE
      );
      CREATE UNIQUE INDEX conversations_client_key ON conversations (tenant_id, visitor_id, bot_id, client_key)
        WHERE client_key IS NOT NULL;
      CREATE INDEX conversations_visitor ON conversations (tenant_id, visitor_id, id);
      CREATE INDEX conversations_bot ON conversations (tenant_id, bot_id, id);

      CREATE TABLE turns (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        conversation_id uuid NOT NULL,
        bot_id uuid NOT NULL,
        visitor_id uuid NOT NULL,
        user_message_id uuid NOT NULL,
        user_position integer NOT NULL,
        answer_message_id uuid NOT NULL,
        answer_position integer NOT NULL,
        replaced_answer_id uuid,
        client_key bytea NOT NULL,
        text_digest bytea NOT NULL,
        turn_key bytea NOT NULL,
        request bytea,
        state text NOT NULL CHECK (state IN ('waiting', 'queued', 'running', 'completed', 'stopped', 'interrupted', 'failed')),
        attempt integer NOT NULL DEFAULT 0,
        epoch integer NOT NULL DEFAULT 1,
        owner uuid,
        stop_requested_at timestamptz,
        deadline_at timestamptz,
        model text,
        model_calls integer NOT NULL DEFAULT 0,
        input_tokens integer,
        output_tokens integer,
        usage_estimated boolean NOT NULL DEFAULT false,
        finish_reason text,
        error_code text,
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz,
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, conversation_id, turn_key),
        FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, bot_id) REFERENCES bots (tenant_id, id) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, visitor_id) REFERENCES visitors (tenant_id, id) ON DELETE CASCADE
      );
      CREATE UNIQUE INDEX turns_one_unfinished ON turns (tenant_id, conversation_id) WHERE state IN ('queued', 'running');
      CREATE INDEX turns_unfinished ON turns (created_at) WHERE state IN ('waiting', 'queued', 'running');
      CREATE INDEX turns_of_conversation ON turns (tenant_id, conversation_id, id);
      CREATE INDEX turns_of_client_message ON turns (tenant_id, conversation_id, client_key);

      CREATE TABLE messages (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        conversation_id uuid NOT NULL,
        turn_id uuid NOT NULL,
        role text NOT NULL CHECK (role IN ('user', 'assistant')),
        position integer NOT NULL,
        content bytea NOT NULL,
        tokens integer NOT NULL,
        status text NOT NULL CHECK (status IN ('complete', 'interrupted', 'stopped', 'failed')),
        created_at timestamptz NOT NULL DEFAULT now(),
        superseded_at timestamptz,
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, conversation_id, position),
        FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations (tenant_id, id) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, turn_id) REFERENCES turns (tenant_id, id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
      );
      CREATE INDEX messages_of_turn ON messages (tenant_id, turn_id);

      CREATE TABLE outbox (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        name text NOT NULL,
        payload jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        dispatched_at timestamptz,
        PRIMARY KEY (tenant_id, id)
      );
      CREATE INDEX outbox_waiting ON outbox (created_at) WHERE dispatched_at IS NULL;
      CREATE INDEX outbox_dispatched ON outbox (dispatched_at) WHERE dispatched_at IS NOT NULL;

      CREATE TABLE replicas (
        id uuid PRIMARY KEY,
        role text NOT NULL,
        started_at timestamptz NOT NULL DEFAULT now(),
        beats bigint NOT NULL DEFAULT 0,
        beat_at timestamptz NOT NULL DEFAULT now()
      );
      GRANT SELECT, INSERT, UPDATE, DELETE ON replicas TO parley_system;
    `);
    await protectTenantTable(runner, 'bots', {});
    await protectTenantTable(runner, 'bot_versions', { tenant: ['SELECT', 'INSERT', 'DELETE'] });
    await protectTenantTable(runner, 'conversations', {});
    await protectTenantTable(runner, 'messages', {});
    await protectTenantTable(runner, 'turns', {
      system: ['tenant_id', 'id', 'state', 'attempt', 'owner', 'stop_requested_at', 'started_at', 'deadline_at', 'created_at'],
    });
    await protectTenantTable(runner, 'outbox', {
      system: ['tenant_id', 'id', 'name', 'payload', 'created_at', 'dispatched_at'],
      systemUpdate: ['dispatched_at'],
    });
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
