import { testRollingRestart } from './support/rolling-restart.ts';

testRollingRestart('haproxy');
