/** How much may be done with what people write: `strict` is for data that an agreement must cover, as HIPAA asks. */
export const privacyModes = ['standard', 'strict'] as const;
/** A privacy mode. */
export type PrivacyMode = (typeof privacyModes)[number];
