/* The benchmark's upstream: SP4N-LAPOR!'s integration API v3 on loopback, every reply made before the run.

   server REPLIES LATENCY_MS

   One thread, epoll, HTTP/1.1 with keep-alive. It maps REPLIES (written by replies.py), binds a free port of
   127.0.0.1, prints it, and answers until SIGTERM; then it prints as JSON how many requests there were and what
   processor time they took. Each reply leaves LATENCY_MS after its request came, by a timer, so that any number of
   them wait at once.

   REPLIES: a header of 8-byte little-endian numbers, an index of (offset, length) for each of: list pages, list
   pages of what changed, details, threads, and one for the master lists; then the bodies. A thread's body ends with
   TAIL; what was posted is put before it. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define TAIL "],\"next_page_url\":null},\"message\":\"Success\"}"
#define MOST 65536 /* of one request */

struct header { uint64_t magic, pages, changed, reports, first_id, index; };
struct piece { uint64_t at, length; };

struct posted { char *text; size_t length; };

struct conn {
    int fd;
    uint32_t life; /* a reply that waits for a connection that is gone, and its number taken again, is dropped */
    size_t have;
    char in[MOST];
    char *out; /* what the socket did not take at once */
    size_t out_length, out_at;
};

struct reply { struct conn *to; uint32_t life; uint64_t due; char head[192]; int head_length; struct iovec body[3]; int parts; };

static const char *map;
static const struct header *head;
static const struct piece *pieces;
static struct posted *posts;
static uint64_t next_item = 900000000, requests, writes;
static long latency_ns;
static int poller, timer;
static volatile sig_atomic_t is_over;

static struct reply *queue; /* a ring: the latency is the same for all, so the first is always the next due */
static size_t queue_size = 1024, queue_first, queue_count;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static void die(const char *what) { perror(what); exit(1); }

static void stop(int signal) { (void)signal; is_over = 1; }

static const char *date(void) {
    static char text[40];
    static time_t last;
    time_t now = time(NULL);
    if (now != last) {
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime(&now));
        last = now;
    }
    return text;
}

/* Sending. */

static void flush(struct conn *c) {
    while (c->out_at < c->out_length) {
        ssize_t n = write(c->fd, c->out + c->out_at, c->out_length - c->out_at);
        if (n < 0) {
            if (errno == EAGAIN) return;
            break;
        }
        c->out_at += n;
    }
    free(c->out);
    c->out = NULL;
    c->out_length = c->out_at = 0;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
}

static void send_reply(struct reply *r) {
    struct conn *c = r->to;
    if (c->fd < 0 || c->life != r->life) return;
    struct iovec v[4] = {{r->head, r->head_length}};
    size_t whole = r->head_length;
    for (int i = 0; i < r->parts; i++) { v[i + 1] = r->body[i]; whole += r->body[i].iov_len; }
    ssize_t sent = c->out ? 0 : writev(c->fd, v, r->parts + 1);
    if (sent < 0) sent = 0;
    if ((size_t)sent == whole) return;
    c->out = realloc(c->out, c->out_length + whole - sent);
    if (!c->out) die("realloc");
    for (int i = 0; i <= r->parts; i++) {
        size_t skip = (size_t)sent < v[i].iov_len ? (size_t)sent : v[i].iov_len;
        memcpy(c->out + c->out_length, (char *)v[i].iov_base + skip, v[i].iov_len - skip);
        c->out_length += v[i].iov_len - skip;
        sent -= skip;
    }
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
}

static void arm(uint64_t due) {
    struct itimerspec t = {.it_value = {due / 1000000000u, due % 1000000000u}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &t, NULL);
}

static void later(struct reply *r) {
    if (!latency_ns) { send_reply(r); return; }
    if (queue_count == queue_size) {
        struct reply *wider = malloc(2 * queue_size * sizeof *wider);
        if (!wider) die("malloc");
        for (size_t i = 0; i < queue_count; i++) wider[i] = queue[(queue_first + i) % queue_size];
        free(queue);
        queue = wider; queue_first = 0; queue_size *= 2;
    }
    r->due = now_ns() + latency_ns;
    queue[(queue_first + queue_count++) % queue_size] = *r;
    if (queue_count == 1) arm(r->due);
}

static void send_due(void) {
    uint64_t ticks, now = now_ns();
    if (read(timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN) die("timer");
    while (queue_count && queue[queue_first].due <= now) {
        send_reply(&queue[queue_first]);
        queue_first = (queue_first + 1) % queue_size;
        queue_count--;
    }
    if (queue_count) arm(queue[queue_first].due);
}

static void answer(struct conn *c, const char *status, struct iovec *body, int parts) {
    struct reply r = {.to = c, .life = c->life, .parts = parts};
    size_t length = 0;
    for (int i = 0; i < parts; i++) { r.body[i] = body[i]; length += body[i].iov_len; }
    r.head_length = snprintf(r.head, sizeof r.head,
        "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", status, date(), length);
    later(&r);
}

static void answer_text(struct conn *c, const char *status, const char *text) {
    struct iovec body = {(void *)text, strlen(text)};
    answer(c, status, &body, 1);
}

static void answer_piece(struct conn *c, uint64_t number) {
    struct iovec body = {(void *)(map + pieces[number].at), pieces[number].length};
    answer(c, "200 OK", &body, 1);
}

/* What is asked for. */

static void answer_thread(struct conn *c, uint64_t number) {
    const struct piece *p = &pieces[head->pages + head->changed + head->reports + number];
    if (!posts[number].length) { answer_piece(c, p - pieces); return; }
    size_t before = p->length - strlen(TAIL);
    /* A copy: a later post may move the text while this reply waits. It is left to the end of the process. */
    char *copy = malloc(posts[number].length);
    if (!copy) die("malloc");
    memcpy(copy, posts[number].text, posts[number].length);
    struct iovec body[3] = {{(void *)(map + p->at), before}, {copy, posts[number].length}, {TAIL, strlen(TAIL)}};
    answer(c, "200 OK", body, 3);
}

static void get(struct conn *c, char *path) {
    unsigned long long id, page = 1;
    char what[16];
    char *query = strchr(path, '?');
    if (query) { char *p = strstr(query, "page="); if (p) page = strtoull(p + 5, NULL, 10); }
    if (sscanf(path, "/complaints/%llu/%15[a-z]", &id, what) == 2) {
        uint64_t number = id - head->first_id;
        if (number >= head->reports) answer_text(c, "404 Not Found", "{\"status\":false,\"message\":\"none\"}");
        else if (what[0] == 'f') answer_thread(c, number);
        else answer_piece(c, head->pages + head->changed + number);
    } else if (!strncmp(path, "/complaints", 11) && (path[11] == '?' || !path[11])) {
        int filtered = query && strstr(query, "updated_from=") != NULL;
        uint64_t pages = filtered ? head->changed : head->pages;
        if (page < 1 || page > pages) answer_text(c, "404 Not Found", "{\"status\":false,\"message\":\"none\"}");
        else answer_piece(c, (filtered ? head->pages : 0) + page - 1);
    } else if (!strncmp(path, "/masters/", 9)) {
        answer_piece(c, head->pages + head->changed + 2 * head->reports);
    } else answer_text(c, "404 Not Found", "{\"status\":false,\"message\":\"none\"}");
}

static char *field(char *body, char *end, const char *name, size_t *length) {
    char mark[64];
    snprintf(mark, sizeof mark, "name=\"%s\"", name);
    char *at = memmem(body, end - body, mark, strlen(mark));
    if (!at || !(at = memmem(at, end - at, "\r\n\r\n", 4))) return NULL;
    at += 4;
    char *stop = memmem(at, end - at, "\r\n--", 4);
    if (!stop) return NULL;
    *length = stop - at;
    return at;
}

static void post(struct conn *c, char *path, char *body, char *end) {
    size_t id_length = 0, length = 0, from_length = 0;
    char *id = field(body, end, "complaint_id", &id_length), *text = field(body, end, "content", &length);
    char *from = field(body, end, "institution_from_id", &from_length);
    uint64_t number = id ? strtoull(id, NULL, 10) - head->first_id : UINT64_MAX;
    if (strcmp(path, "/complaints/followup/add") || !text || !from || number >= head->reports) {
        answer_text(c, "422 Unprocessable Entity", "{\"status\":false,\"message\":\"fields\"}");
        return;
    }
    struct posted *p = &posts[number];
    p->text = realloc(p->text, p->length + 2 * length + 400);
    if (!p->text) die("realloc");
    time_t local = time(NULL) + 7 * 3600;
    char when[24];
    strftime(when, sizeof when, "%d-%m-%Y %H:%M:%S", gmtime(&local));
    char *o = p->text + p->length;
    o += sprintf(o, ",{\"id\":%llu,\"created_at\":\"%s\",\"template_code\":\"reply\",\"institution_from_name\":\"%.*s\","
        "\"institution_to_name\":null,\"data\":null,\"attachments\":[],\"content\":\"",
        (unsigned long long)++next_item, when, (int)from_length, from);
    for (char *t = text; t < text + length; t++) {
        if (*t == '"' || *t == '\\') *o++ = '\\';
        if (*t == '\r') continue;
        if (*t == '\n') { *o++ = '\\'; *o++ = 'n'; } else *o++ = *t;
    }
    *o++ = '"';
    *o++ = '}';
    p->length = o - p->text;
    writes++;
    /* It waits for its time, and is left to the end of the process. What names nothing that was stored proves nothing. */
    char *said = malloc(96);
    if (!said) die("malloc");
    sprintf(said, "{\"status\":true,\"results\":{\"id\":%llu},\"message\":\"Success\"}", (unsigned long long)next_item);
    answer_text(c, "200 OK", said);
}

/* Receiving. */

static void close_conn(struct conn *c) {
    close(c->fd);
    c->fd = -1;
    c->life++;
    c->have = 0;
    free(c->out);
    c->out = NULL;
    c->out_length = c->out_at = 0;
}

/* Work on whole requests; how many bytes they were. */
static size_t work_on(struct conn *c) {
    size_t done = 0;
    while (done < c->have) {
        char *at = c->in + done, *end = c->in + c->have;
        char *blank = memmem(at, end - at, "\r\n\r\n", 4);
        if (!blank) break;
        char *body = blank + 4;
        size_t length = 0;
        *blank = 0;
        char *said = strcasestr(at, "\r\ncontent-length:");
        if (said) length = strtoull(said + 17, NULL, 10);
        *blank = '\r';
        if (body + length > end) break;
        char *path = memchr(at, ' ', blank - at), *stop = path ? memchr(path + 1, ' ', blank - path - 1) : NULL;
        requests++;
        if (!stop) answer_text(c, "400 Bad Request", "{}");
        else {
            *stop = 0;
            if (*at == 'P') post(c, path + 1, body, body + length);
            else get(c, path + 1);
        }
        done += body + length - at;
    }
    return done;
}

static void receive(struct conn *c) {
    for (;;) {
        if (c->have == MOST) { close_conn(c); return; }
        ssize_t n = read(c->fd, c->in + c->have, MOST - c->have);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) { close_conn(c); return; }
        c->have += n;
        size_t done = work_on(c);
        memmove(c->in, c->in + done, c->have - done);
        c->have -= done;
    }
}

static void accept_all(int listener) {
    static struct conn *conns[4096];
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (fd >= 4096) { close(fd); continue; }
        struct conn *c = conns[fd] ? conns[fd] : (conns[fd] = calloc(1, sizeof *c));
        if (!c) die("calloc");
        c->fd = fd;
        c->have = 0;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    }
}

static void load(const char *file) {
    int fd = open(file, O_RDONLY);
    struct stat s;
    if (fd < 0 || fstat(fd, &s)) die(file);
    map = mmap(NULL, s.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) die("mmap");
    close(fd);
    head = (const struct header *)map;
    pieces = (const struct piece *)(map + head->index);
    posts = calloc(head->reports + 1, sizeof *posts);
    queue = malloc(queue_size * sizeof *queue);
    if (!posts || !queue) die("memory");
}

int main(int argc, char **argv) {
    if (argc != 3) { fprintf(stderr, "server REPLIES LATENCY_MS\n"); return 2; }
    load(argv[1]);
    latency_ns = (long)(atof(argv[2]) * 1e6);
    signal(SIGTERM, stop);
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 512)) die("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);

    poller = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    struct epoll_event t = {.events = EPOLLIN, .data.ptr = &timer};
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &t);
    struct epoll_event ready[256];
    while (!is_over) {
        int n = epoll_wait(poller, ready, 256, -1);
        for (int i = 0; i < n; i++) {
            void *whose = ready[i].data.ptr;
            if (!whose) { accept_all(listener); continue; }
            if (whose == &timer) { send_due(); continue; }
            struct conn *c = whose;
            if (c->fd >= 0 && ready[i].events & EPOLLOUT) flush(c);
            if (c->fd >= 0 && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive(c);
        }
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("{\"requests\": %llu, \"writes\": %llu, \"cpu\": %.3f}\n", (unsigned long long)requests, (unsigned long long)writes,
        used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    return 0;
}
