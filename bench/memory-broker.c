/* A stand-alone Kafka broker for benchmarks: librdkafka's mock cluster in its own process.
 *
 *   memory-broker [-b BROKERS] [-m MAX_MB_PER_PARTITION] [-r MS] TOPIC:PARTITIONS ...
 *
 * Prints the bootstrap address on one line and stays up until it is killed. Logs live in
 * memory. The mock keeps 5 MB per partition by default; -m (default 4096) raises that by
 * writing the partition's limit directly, hence librdkafka's private headers.
 * -r: how long a new group waits for further members (the mock's default is 3000 ms).
 * Per Fetch it returns ONE record batch per partition, found by a linear search, so fill
 * topics with large batches (the producer's batch.size) and few of them (< ~10^4).
 *
 * Build (R = librdkafka's source tree, configured and built):
 *   cc -O2 -I$R -I$R/src memory-broker.c $STATIC_LIB -o memory-broker $LIBS
 */
#include "rdkafka_int.h"
#include "rdkafka_mock_int.h"
#include "rdkafka_mock.h"
#include <malloc.h>
#include <unistd.h>

static void raise_limits(rd_kafka_mock_cluster_t *cluster, size_t max_size) {
        rd_kafka_mock_topic_t *topic;
        mtx_lock(&cluster->lock);
        TAILQ_FOREACH(topic, &cluster->topics, link) {
                int i;
                for (i = 0; i < topic->partition_cnt; i++) {
                        topic->partitions[i].max_size = max_size;
                        topic->partitions[i].max_cnt  = 100000000;
                }
        }
        mtx_unlock(&cluster->lock);
}

int main(int argc, char **argv) {
        char err[512];
        int brokers   = 1;
        size_t max_mb = 4096;
        int rebalance_ms = -1;
        int opt;
        rd_kafka_t *rk;
        rd_kafka_mock_cluster_t *cluster;

        /* Keep freed memory: responses of several MB otherwise cost a page fault per
         * 4 KB each time, and the broker becomes what is measured. */
        mallopt(M_MMAP_THRESHOLD, 32 << 20);
        mallopt(M_TRIM_THRESHOLD, 1 << 30);
        mallopt(M_TOP_PAD, 64 << 20);

        while ((opt = getopt(argc, argv, "b:m:r:")) != -1) {
                if (opt == 'b')
                        brokers = atoi(optarg);
                else if (opt == 'm')
                        max_mb = (size_t)atol(optarg);
                else if (opt == 'r')
                        rebalance_ms = atoi(optarg);
                else
                        return 2;
        }
        rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), err,
                          sizeof(err));
        if (!rk || !(cluster = rd_kafka_mock_cluster_new(rk, brokers))) {
                fprintf(stderr, "memory-broker: %s\n", err);
                return 1;
        }
        if (rebalance_ms >= 0)
                rd_kafka_mock_group_initial_rebalance_delay_ms(cluster,
                                                               rebalance_ms);
        for (; optind < argc; optind++) {
                char *colon = strrchr(argv[optind], ':');
                int parts   = colon ? atoi(colon + 1) : 1;
                if (colon)
                        *colon = '\0';
                rd_kafka_mock_topic_create(cluster, argv[optind], parts, 1);
        }
        raise_limits(cluster, max_mb << 20);
        printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
        fflush(stdout);
        for (;;)
                pause();
}
