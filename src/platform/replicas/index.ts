export { ReplicaBus, type ReplicaHint } from './bus.ts';
export { goneAfterMs, heartbeatMs, Replica, type ReplicaLoad } from './replica.ts';
export { ReplicasModule } from './replicas.module.ts';
