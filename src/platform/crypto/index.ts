export { type CryptoConfig, cryptoConfig } from './crypto.config.ts';
export { CryptoModule } from './crypto.module.ts';
export { CannotDecrypt, type ContentKey, deriveKey, keyIdOf, KeyRetired, open, type Place, seal } from './envelope.ts';
export { KeyRing } from './key-ring.ts';
export { KeyedHash } from './keyed-hash.ts';
export { Keystore } from './keystore.ts';
export { LocalMasterKey } from './master/local-master-key.ts';
export { MasterKeys } from './master/master-keys.ts';
