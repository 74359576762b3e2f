export { createGuardedFetch, type GuardedFetch, type GuardedFetchOptions, OutboundRefused } from './guarded-fetch.ts';
export { isPublicAddress, leadsToPublicHost, literalHostOf, lookupPublic } from './public-addresses.ts';
