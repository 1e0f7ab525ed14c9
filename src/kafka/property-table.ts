/**
 * librdkafka 2.15.1's properties: name | level | used by | kind | alias of | range or choices | default.
 * Written by scripts/generate-properties.ts: do not edit.
 */
export const PROPERTY_TABLE = `
builtin.features | global | both | string |  |  | gzip, snappy, ssl, sasl, regex, lz4, sasl_gssapi, sasl_plain, sasl_scram, plugins, zstd, sasl_oauthbearer, http, oidc
client.id | global | both | string |  |  | rdkafka
metadata.broker.list | global | both | string |  |  |
bootstrap.servers | global | both | string | metadata.broker.list |  |
message.max.bytes | global | both | integer |  | 1000 .. 1000000000 | 1000000
message.copy.max.bytes | global | both | integer |  | 0 .. 1000000000 | 65535
receive.message.max.bytes | global | both | integer |  | 1000 .. 2147483647 | 100000000
max.in.flight.requests.per.connection | global | both | integer |  | 1 .. 1000000 | 1000000
max.in.flight | global | both | integer | max.in.flight.requests.per.connection | 1 .. 1000000 | 1000000
metadata.recovery.strategy | global | both | enum |  | none, rebootstrap | rebootstrap
metadata.recovery.rebootstrap.trigger.ms | global | both | integer |  | 0 .. 2147483647 | 300000
topic.metadata.refresh.interval.ms | global | both | integer |  | -1 .. 3600000 | 300000
metadata.max.age.ms | global | both | integer |  | 1 .. 86400000 | 900000
topic.metadata.refresh.fast.interval.ms | global | both | integer |  | 1 .. 60000 | 100
topic.metadata.refresh.fast.cnt | global | both | integer |  | 0 .. 1000 | 10
topic.metadata.refresh.sparse | global | both | boolean |  | true, false | true
topic.metadata.propagation.max.ms | global | both | integer |  | 0 .. 3600000 | 30000
topic.blacklist | global | both | string |  |  |
debug | global | both | string |  | generic, broker, topic, metadata, feature, queue, msg, protocol, cgrp, security, fetch, interceptor, plugin, consumer, admin, eos, mock, assignor, conf, telemetry, all |
socket.timeout.ms | global | both | integer |  | 10 .. 300000 | 60000
socket.blocking.max.ms | global | both | integer |  | 1 .. 60000 | 1000
socket.send.buffer.bytes | global | both | integer |  | 0 .. 100000000 | 0
socket.receive.buffer.bytes | global | both | integer |  | 0 .. 100000000 | 0
socket.keepalive.enable | global | both | boolean |  | true, false | false
socket.nagle.disable | global | both | boolean |  | true, false | true
socket.max.fails | global | both | integer |  | 0 .. 1000000 | 1
broker.address.ttl | global | both | integer |  | 0 .. 86400000 | 1000
broker.address.family | global | both | enum |  | any, v4, v6 | any
socket.connection.setup.timeout.ms | global | both | integer |  | 1000 .. 2147483647 | 30000
connections.max.idle.ms | global | both | integer |  | 0 .. 2147483647 | 0
reconnect.backoff.jitter.ms | global | both | integer |  | 0 .. 3600000 | 0
reconnect.backoff.ms | global | both | integer |  | 0 .. 3600000 | 100
reconnect.backoff.max.ms | global | both | integer |  | 0 .. 3600000 | 10000
statistics.interval.ms | global | both | integer |  | 0 .. 86400000 | 0
enabled_events | global | both | integer |  | 0 .. 2147483647 | 0
log_level | global | both | integer |  | 0 .. 7 | 6
log.queue | global | both | boolean |  | true, false | false
log.thread.name | global | both | boolean |  | true, false | true
enable.random.seed | global | both | boolean |  | true, false | true
log.connection.close | global | both | boolean |  | true, false | true
internal.termination.signal | global | both | integer |  | 0 .. 128 | 0
api.version.request | global | both | boolean |  | true, false | true
api.version.request.timeout.ms | global | both | integer |  | 1 .. 300000 | 10000
api.version.fallback.ms | global | both | integer |  | 0 .. 604800000 | 0
broker.version.fallback | global | both | string |  |  | 0.10.0
allow.auto.create.topics | global | both | boolean |  | true, false | false
security.protocol | global | both | enum |  | plaintext, ssl, sasl_plaintext, sasl_ssl | plaintext
ssl.cipher.suites | global | both | string |  |  |
ssl.curves.list | global | both | string |  |  |
ssl.sigalgs.list | global | both | string |  |  |
ssl.key.location | global | both | string |  |  |
ssl.key.password | global | both | string |  |  |
ssl.key.pem | global | both | string |  |  |
ssl.certificate.location | global | both | string |  |  |
ssl.certificate.pem | global | both | string |  |  |
ssl.ca.location | global | both | string |  |  |
https.ca.location | global | both | string |  |  |
https.ca.pem | global | both | string |  |  |
ssl.ca.pem | global | both | string |  |  |
ssl.ca.certificate.stores | global | both | string |  |  | Root
ssl.crl.location | global | both | string |  |  |
ssl.keystore.location | global | both | string |  |  |
ssl.keystore.password | global | both | string |  |  |
ssl.providers | global | both | string |  |  |
ssl.engine.location | global | both | string |  |  |
ssl.engine.id | global | both | string |  |  | dynamic
enable.ssl.certificate.verification | global | both | boolean |  | true, false | true
ssl.endpoint.identification.algorithm | global | both | enum |  | none, https | https
sasl.mechanisms | global | both | string |  |  | GSSAPI
sasl.mechanism | global | both | string | sasl.mechanisms |  | GSSAPI
sasl.kerberos.service.name | global | both | string |  |  | kafka
sasl.kerberos.principal | global | both | string |  |  | kafkaclient
sasl.kerberos.kinit.cmd | global | both | string |  |  |
sasl.kerberos.keytab | global | both | string |  |  |
sasl.kerberos.min.time.before.relogin | global | both | integer |  | 0 .. 86400000 | 60000
sasl.username | global | both | string |  |  |
sasl.password | global | both | string |  |  |
sasl.oauthbearer.config | global | both | string |  |  |
enable.sasl.oauthbearer.unsecure.jwt | global | both | boolean |  | true, false | false
sasl.oauthbearer.method | global | both | enum |  | default, oidc | default
sasl.oauthbearer.client.id | global | both | string |  |  |
sasl.oauthbearer.client.credentials.client.id | global | both | string | sasl.oauthbearer.client.id |  |
sasl.oauthbearer.client.credentials.client.secret | global | both | string | sasl.oauthbearer.client.secret |  |
sasl.oauthbearer.client.secret | global | both | string |  |  |
sasl.oauthbearer.scope | global | both | string |  |  |
sasl.oauthbearer.extensions | global | both | string |  |  |
sasl.oauthbearer.token.endpoint.url | global | both | string |  |  |
sasl.oauthbearer.sub.claim.name | global | both | string |  |  | sub
sasl.oauthbearer.grant.type | global | both | enum |  | client_credentials, urn:ietf:params:oauth:grant-type:jwt-bearer | client_credentials
sasl.oauthbearer.assertion.algorithm | global | both | enum |  | RS256, ES256 | RS256
sasl.oauthbearer.assertion.private.key.file | global | both | string |  |  |
sasl.oauthbearer.assertion.private.key.passphrase | global | both | string |  |  |
sasl.oauthbearer.assertion.private.key.pem | global | both | string |  |  |
sasl.oauthbearer.assertion.file | global | both | string |  |  |
sasl.oauthbearer.assertion.claim.aud | global | both | string |  |  |
sasl.oauthbearer.assertion.claim.exp.seconds | global | both | integer |  | 1 .. 2147483647 | 300
sasl.oauthbearer.assertion.claim.iss | global | both | string |  |  |
sasl.oauthbearer.assertion.claim.jti.include | global | both | boolean |  | true, false | false
sasl.oauthbearer.assertion.claim.nbf.seconds | global | both | integer |  | 0 .. 2147483647 | 60
sasl.oauthbearer.assertion.claim.sub | global | both | string |  |  |
sasl.oauthbearer.assertion.jwt.template.file | global | both | string |  |  |
sasl.oauthbearer.metadata.authentication.type | global | both | enum |  | none, azure_imds, aws_iam | none
plugin.library.paths | global | both | string |  |  |
group.id | global | consumer | string |  |  |
group.instance.id | global | consumer | string |  |  |
partition.assignment.strategy | global | consumer | string |  |  | range,roundrobin
session.timeout.ms | global | consumer | integer |  | 1 .. 3600000 | 45000
heartbeat.interval.ms | global | consumer | integer |  | 1 .. 3600000 | 3000
group.protocol.type | global | consumer | string |  |  | consumer
group.protocol | global | consumer | enum |  | classic, consumer | classic
group.remote.assignor | global | consumer | string |  |  |
coordinator.query.interval.ms | global | consumer | integer |  | 1 .. 3600000 | 600000
max.poll.interval.ms | global | consumer | integer |  | 1 .. 86400000 | 300000
enable.auto.commit | global | consumer | boolean |  | true, false | true
auto.commit.interval.ms | global | consumer | integer |  | 0 .. 86400000 | 5000
enable.auto.offset.store | global | consumer | boolean |  | true, false | true
queued.min.messages | global | consumer | integer |  | 1 .. 10000000 | 100000
queued.max.messages.kbytes | global | consumer | integer |  | 1 .. 2097151 | 65536
fetch.wait.max.ms | global | consumer | integer |  | 0 .. 300000 | 500
fetch.queue.backoff.ms | global | consumer | integer |  | 0 .. 300000 | 1000
fetch.message.max.bytes | global | consumer | integer |  | 1 .. 1000000000 | 1048576
max.partition.fetch.bytes | global | consumer | integer | fetch.message.max.bytes | 1 .. 1000000000 | 1048576
fetch.max.bytes | global | consumer | integer |  | 0 .. 2147483135 | 52428800
fetch.min.bytes | global | consumer | integer |  | 0 .. 2147483647 | 1
fetch.error.backoff.ms | global | consumer | integer |  | 0 .. 300000 | 500
offset.store.method | global | consumer | enum |  | none, file, broker | broker
isolation.level | global | consumer | enum |  | read_uncommitted, read_committed | read_committed
enable.partition.eof | global | consumer | boolean |  | true, false | false
check.crcs | global | consumer | boolean |  | true, false | false
client.rack | global | both | string |  |  |
max.poll.records | global | consumer | integer |  | 1 .. 2147483647 | 500
share.acknowledgement.mode | global | consumer | string |  |  | implicit
transactional.id | global | producer | string |  |  |
transaction.timeout.ms | global | producer | integer |  | 1000 .. 2147483647 | 60000
enable.idempotence | global | producer | boolean |  | true, false | false
enable.gapless.guarantee | global | producer | boolean |  | true, false | false
queue.buffering.max.messages | global | producer | integer |  | 0 .. 2147483647 | 100000
queue.buffering.max.kbytes | global | producer | integer |  | 1 .. 2147483647 | 1048576
queue.buffering.max.ms | global | producer | number |  | 0 .. 900000 | 5
linger.ms | global | producer | number | queue.buffering.max.ms | 0 .. 900000 | 5
message.send.max.retries | global | producer | integer |  | 0 .. 2147483647 | 2147483647
retries | global | producer | integer | message.send.max.retries | 0 .. 2147483647 | 2147483647
retry.backoff.ms | global | both | integer |  | 1 .. 300000 | 100
retry.backoff.max.ms | global | both | integer |  | 1 .. 300000 | 1000
queue.buffering.backpressure.threshold | global | producer | integer |  | 1 .. 1000000 | 1
compression.codec | global | producer | enum |  | none, gzip, snappy, lz4, zstd | none
compression.type | global | producer | enum | compression.codec | none, gzip, snappy, lz4, zstd | none
batch.num.messages | global | producer | integer |  | 1 .. 1000000 | 10000
batch.size | global | producer | integer |  | 1 .. 2147483647 | 1000000
delivery.report.only.error | global | producer | boolean |  | true, false | false
sticky.partitioning.linger.ms | global | producer | integer |  | 0 .. 900000 | 10
client.dns.lookup | global | both | enum |  | use_all_dns_ips, resolve_canonical_bootstrap_servers_only | use_all_dns_ips
enable.metrics.push | global | both | boolean |  | true, false | true
request.required.acks | topic | producer | integer |  | -1 .. 1000 | -1
acks | topic | producer | integer | request.required.acks | -1 .. 1000 | -1
request.timeout.ms | topic | producer | integer |  | 1 .. 900000 | 30000
message.timeout.ms | topic | producer | integer |  | 0 .. 2147483647 | 300000
delivery.timeout.ms | topic | producer | integer | message.timeout.ms | 0 .. 2147483647 | 300000
queuing.strategy | topic | producer | enum |  | fifo, lifo | fifo
produce.offset.report | topic | producer | boolean |  | true, false | false
partitioner | topic | producer | string |  |  | consistent_random
compression.level | topic | producer | integer |  | -1 .. 12 | -1
auto.commit.enable | topic | consumer | boolean |  | true, false | true
auto.offset.reset | topic | consumer | enum |  | smallest, earliest, beginning, largest, latest, end, error | largest
offset.store.path | topic | consumer | string |  |  | .
offset.store.sync.interval.ms | topic | consumer | integer |  | -1 .. 86400000 | -1
consume.callback.max.messages | topic | consumer | integer |  | 0 .. 1000000 | 0
`
