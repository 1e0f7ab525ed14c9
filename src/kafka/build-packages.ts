/** Debian packages with which the Kafka client is compiled where no binary of it can be fetched. */
export const BUILD_PACKAGES = 'g++ make python3 zlib1g-dev libssl-dev libzstd-dev'
