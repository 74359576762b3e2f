import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { commonErrors } from '../../../kernel/app-error.ts';
import { clock } from '../../../kernel/clock.ts';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { defineSealedTable, KeyRing, type Place, seal } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import type { AnalyzeOptions } from '../anonymizer/analyzer.ts';
import { customRecognizers } from '../anonymizer/custom/custom-recognizers.ts';
import { entityKinds } from '../anonymizer/entity-kinds.ts';
import type { Span } from '../anonymizer/recognizer.ts';
import { FullAnalyzer } from '../anonymizer/remote/full-analyzer.ts';
import { TurnTaking } from '../anonymizer/turn-taking.ts';
import { TenantPrivacy } from '../mode/tenant-privacy.ts';
import type { Action, EffectivePolicy } from '../policies/privacy-policy.ts';
import { Pseudonyms } from '../pseudonyms/pseudonyms.ts';
import { Subjects } from '../rights/subjects.ts';
import { RestoringStream } from '../pseudonyms/restoring-stream.ts';
import type { AnalyzeTexts, AnonymizeTexts, DeanonymizeText } from './analysis.schemas.ts';
import { MappingsRepository } from './mappings.repository.ts';

/** How long values come back, in milliseconds. */
const mappingMs = 86_400_000;

/** What to look for, as a body says it. */
type Look = Pick<AnalyzeTexts, 'language' | 'kinds' | 'min_confidence' | 'custom'>;

const Values = z.array(z.tuple([z.string(), z.string()]));

defineSealedTable({ table: 'privacy_mappings', columns: ['content'] });

/** Looks through texts that a tenant sends, and hides what is in them. Nothing of the texts is kept but the values that were hidden, sealed. */
@Injectable()
export class AnalysisService {
  constructor(
    private readonly analyzer: FullAnalyzer,
    private readonly database: TenantDatabase,
    private readonly keys: KeyRing,
    private readonly mappings: MappingsRepository,
    private readonly privacy: TenantPrivacy,
    private readonly subjects: Subjects,
  ) {}

  /** The findings of a text, or of each of the texts. */
  async analyze(body: AnalyzeTexts) {
    if ('text' in body) return { spans: await this.find(body.text, body) };
    return { results: (await this.findAll(body.texts, body)).map(({ spans }) => ({ spans })) };
  }

  /** The texts with placeholders, and the id by which the values come back. Throws 404 for an unknown visitor. */
  async anonymize({ tenantId }: Principal, body: AnonymizeTexts) {
    const texts = 'text' in body ? [body.text] : body.texts;
    const analyzed = await this.findAll(texts, body);
    const pseudonyms = new Pseudonyms(randomBytes(32), policyOf(body.actions));
    pseudonyms.learn(analyzed);
    const hidden: string[] = [];
    const turns = new TurnTaking();
    for (const each of analyzed) {
      hidden.push(pseudonyms.hide(each));
      await turns.after(each.text.length);
    }
    const id = newUuid();
    const expiresAt = new Date(clock.now() + mappingMs);
    const visitorId = body.visitor_id === undefined ? null : await this.subjects.visitor(tenantId, body.visitor_id);
    const key = await (visitorId === null ? this.keys.tenantKey(tenantId) : this.keys.visitorKey(tenantId, visitorId));
    const content = seal(key, placeOf(tenantId, id), JSON.stringify(pseudonyms.entries()));
    await this.database.forTenant(tenantId, (tx) => this.mappings.insert(tx, tenantId, { id, visitorId, content, expiresAt }));
    const mapping = { mapping_id: publicId('privacyMapping', id), expires_at: expiresAt.toISOString() };
    return 'text' in body ? { text: hidden[0] ?? '', ...mapping } : { texts: hidden, ...mapping };
  }

  /** The text with its values; in strict privacy mode audited as a read. Throws 404 for a mapping that is foreign, unknown or has expired. */
  async deanonymize(caller: Principal, { text, mapping_id: mappingId }: DeanonymizeText) {
    const { tenantId } = caller;
    const id = uuidOf('privacyMapping', mappingId);
    const now = new Date(clock.now());
    if (id === undefined) throw commonErrors.notFound('mapping');
    const audited = await this.privacy.isStrict(tenantId);
    const sealed = await this.database.forTenant(tenantId, async (tx) => {
      const found = await this.mappings.find(tx, tenantId, id, now);
      const detail = { mapping: publicId('privacyMapping', id) };
      if (audited && found !== undefined) auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'privacy.read', detail });
      return found;
    });
    if (sealed === undefined) throw commonErrors.notFound('mapping');
    const opened = await this.keys.open(placeOf(tenantId, id), sealed);
    const stream = new RestoringStream(new Map(Values.parse(JSON.parse(opened.toString()))));
    return { text: stream.push(text) + stream.end() };
  }

  /** One after the other, so that others have their turn between them. */
  private async findAll(texts: readonly string[], look: Look): Promise<{ text: string; spans: Span[] }[]> {
    const all: { text: string; spans: Span[] }[] = [];
    const turns = new TurnTaking();
    for (const text of texts) {
      all.push({ text, spans: await this.find(text, look) });
      await turns.after(text.length);
    }
    return all;
  }

  private find(text: string, look: Look): Promise<Span[]> {
    const options: AnalyzeOptions = {
      ...(look.language === undefined ? {} : { language: look.language }),
      ...(look.kinds === undefined ? {} : { kinds: look.kinds }),
      ...(look.min_confidence === undefined ? {} : { minConfidence: look.min_confidence }),
      ...(look.custom === undefined ? {} : customRecognizers(look.custom)),
    };
    return this.analyzer.analyzeAll(text, options);
  }
}

function policyOf(actions: Partial<Record<(typeof entityKinds)[number], Action>>): Pick<EffectivePolicy, 'actionOf'> {
  return { actionOf: new Map(entityKinds.map((kind) => [kind, actions[kind] ?? 'pseudonymise'])) };
}

function placeOf(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'privacy_mappings', column: 'content', rowId };
}
