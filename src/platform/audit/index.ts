export { type AuditAction, auditActions } from './audit-actions.ts';
export { type AuditFacts, auditVersion, canonical, factsDigest, genesisHash, rowHash } from './audit-chain.ts';
export {
  type ActingFor,
  actorId,
  actorOf,
  type AuditActor,
  type AuditDetail,
  type AuditEntry,
  type AuditObject,
  type AuditOutcome,
  auditOutcomes,
} from './audit-entry.ts';
export { AuditModule } from './audit.module.ts';
export { AuditRefusals } from './audit-refusals.ts';
export { auditTrail } from './audit-trail.ts';
export { pruneAudit } from './prune-audit.ts';
