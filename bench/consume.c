/* Raw consume rate of librdkafka: reads a whole topic once and drops the messages.
 *
 *   consume [-b BATCH] [-X name=value]... BOOTSTRAP TOPIC
 *
 * -b 0 (default) uses rd_kafka_consumer_poll, -b N uses rd_kafka_consume_batch_queue with N.
 * Prints one JSON line. The clock runs from the first message to the last one, so that
 * connection set-up does not count; CPU time is of the whole process.
 *
 * bench/brokers.mjs compiles it.
 */
#include "rdkafka.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + t.tv_nsec / 1e9;
}
static double cpu(struct rusage *u) {
        getrusage(RUSAGE_SELF, u);
        return u->ru_utime.tv_sec + u->ru_utime.tv_usec / 1e6 +
               u->ru_stime.tv_sec + u->ru_stime.tv_usec / 1e6;
}

int main(int argc, char **argv) {
        char err[512];
        int opt, batch = 0, parts, eof = 0, i;
        double t0 = 0, t1 = 0, c0 = 0, c1;
        long long msgs = 0, bytes = 0;
        struct rusage u;
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        rd_kafka_topic_partition_list_t *list;
        const struct rd_kafka_metadata *md;
        rd_kafka_topic_t *rkt;
        rd_kafka_queue_t *queue;
        rd_kafka_message_t **out;
        rd_kafka_t *rk;

        rd_kafka_conf_set(conf, "group.id", "raw-c", err, sizeof(err));
        rd_kafka_conf_set(conf, "enable.auto.commit", "false", err, sizeof(err));
        rd_kafka_conf_set(conf, "enable.partition.eof", "true", err, sizeof(err));
        while ((opt = getopt(argc, argv, "b:X:")) != -1) {
                if (opt == 'b')
                        batch = atoi(optarg);
                else if (opt == 'X') {
                        char *eq = strchr(optarg, '=');
                        *eq      = '\0';
                        if (rd_kafka_conf_set(conf, optarg, eq + 1, err,
                                              sizeof(err))) {
                                fprintf(stderr, "%s\n", err);
                                return 2;
                        }
                }
        }
        rd_kafka_conf_set(conf, "bootstrap.servers", argv[optind], err,
                          sizeof(err));
        rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, err, sizeof(err));
        rd_kafka_poll_set_consumer(rk);
        rkt = rd_kafka_topic_new(rk, argv[optind + 1], NULL);
        if (rd_kafka_metadata(rk, 0, rkt, &md, 10000)) {
                fprintf(stderr, "no metadata\n");
                return 1;
        }
        parts = md->topics[0].partition_cnt;
        list  = rd_kafka_topic_partition_list_new(parts);
        for (i = 0; i < parts; i++)
                rd_kafka_topic_partition_list_add(list, argv[optind + 1], i)
                    ->offset = RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_assign(rk, list);
        queue = rd_kafka_queue_get_consumer(rk);
        out   = malloc(sizeof(*out) * (batch ? batch : 1));
        while (eof < parts) {
                int n = 1;
                if (batch)
                        n = rd_kafka_consume_batch_queue(queue, 20, out, batch);
                else if (!(out[0] = rd_kafka_consumer_poll(rk, 1000)))
                        n = 0;
                for (i = 0; i < n; i++) {
                        if (out[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
                                eof++;
                        else if (!out[i]->err) {
                                if (!msgs++) {
                                        t0 = now();
                                        c0 = cpu(&u);
                                }
                                bytes += out[i]->len;
                                t1 = now();
                        } else
                                fprintf(stderr, "%s\n",
                                        rd_kafka_message_errstr(out[i]));
                        rd_kafka_message_destroy(out[i]);
                }
        }
        c1 = cpu(&u);
        printf("{\"who\":\"c\",\"batch\":%d,\"msgs\":%lld,\"MB\":%.1f,\"s\":%.3f,"
               "\"MBps\":%.0f,\"msgps\":%.0f,\"cpu_s\":%.2f,\"rss_MB\":%ld}\n",
               batch, msgs, bytes / 1e6, t1 - t0, bytes / 1e6 / (t1 - t0),
               msgs / (t1 - t0), c1 - c0, u.ru_maxrss / 1024);
        fflush(stdout);
        _exit(0);
}
