/*
 * The floor: C programs over libzmq, PUSH and PULL on loopback TCP between two processes, without any encoding.
 *
 *   libzmq version
 *   libzmq throughput BYTES WARM_UP_MS FOR_MS     prints messages and nanoseconds
 *   libzmq exchange BYTES WARM_UP COUNT           prints the nanoseconds of each exchange
 *
 * `throughput` takes each message into a zmq_msg_t, as its receiver would.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { endpoint_bytes = 256, messages_per_look = 1024 };

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
  exit(1);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void *bound(void *context, int type, char *endpoint) {
  size_t size = endpoint_bytes;
  void *socket = zmq_socket(context, type);
  if (!socket || zmq_bind(socket, "tcp://127.0.0.1:*")) fail("bind");
  memset(endpoint, 0, endpoint_bytes);
  if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size)) fail("endpoint");
  return socket;
}

static void *connected(void *context, int type, const char *endpoint) {
  void *socket = zmq_socket(context, type);
  if (!socket || zmq_connect(socket, endpoint)) fail("connect");
  return socket;
}

static void send_one(void *socket, const char *bytes, size_t size) {
  if (zmq_send(socket, bytes, size, 0) < 0) fail("send");
}

static void receive_one(void *socket, zmq_msg_t *message) {
  if (zmq_msg_recv(message, socket, 0) < 0) fail("receive");
}

/* The other process: sends without end, or sends back what arrives. It learns the endpoints through a pipe. */
static void other(int pipe_end, int echo, size_t size) {
  char there[endpoint_bytes], back[endpoint_bytes];
  char *bytes = calloc(1, size);
  if (read(pipe_end, there, endpoint_bytes) != endpoint_bytes || read(pipe_end, back, endpoint_bytes) != endpoint_bytes)
    exit(1);
  void *context = zmq_ctx_new();
  void *push = connected(context, ZMQ_PUSH, back);
  if (!echo)
    for (;;) send_one(push, bytes, size);
  void *pull = connected(context, ZMQ_PULL, there);
  zmq_msg_t message;
  zmq_msg_init(&message);
  for (;;) {
    receive_one(pull, &message);
    send_one(push, zmq_msg_data(&message), zmq_msg_size(&message));
  }
}

static int64_t count_until(void *pull, int64_t deadline) {
  int64_t count = 0;
  zmq_msg_t message;
  zmq_msg_init(&message);
  while (now() < deadline)
    for (int i = 0; i < messages_per_look; i++, count++) receive_one(pull, &message);
  return count;
}

static void throughput(void *pull, int64_t warm_up_ms, int64_t for_ms) {
  count_until(pull, now() + warm_up_ms * 1000000);
  int64_t start = now();
  int64_t count = count_until(pull, start + for_ms * 1000000);
  printf("%lld %lld\n", (long long)count, (long long)(now() - start));
}

static void exchange(void *push, void *pull, size_t size, long warm_up, long count) {
  char *bytes = calloc(1, size);
  zmq_msg_t message;
  zmq_msg_init(&message);
  for (long i = 0; i < warm_up + count; i++) {
    int64_t start = now();
    send_one(push, bytes, size);
    receive_one(pull, &message);
    if (i >= warm_up) printf("%lld\n", (long long)(now() - start));
  }
}

int main(int count, char **words) {
  if (count == 2 && !strcmp(words[1], "version")) {
    int major, minor, patch;
    zmq_version(&major, &minor, &patch);
    printf("%d.%d.%d\n", major, minor, patch);
    return 0;
  }
  if (count != 5) return 2;
  int echo = !strcmp(words[1], "exchange");
  size_t size = strtoul(words[2], NULL, 10);
  int ends[2];
  if (pipe(ends)) return 1;
  pid_t child = fork();
  if (child == 0) other(ends[0], echo, size);
  char there[endpoint_bytes], back[endpoint_bytes];
  void *context = zmq_ctx_new();
  void *push = bound(context, ZMQ_PUSH, there);
  void *pull = bound(context, ZMQ_PULL, back);
  if (write(ends[1], there, endpoint_bytes) < 0 || write(ends[1], back, endpoint_bytes) < 0) return 1;
  if (echo) exchange(push, pull, size, atol(words[3]), atol(words[4]));
  else throughput(pull, atol(words[3]), atol(words[4]));
  fflush(stdout);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  _exit(0);
}
