#include "cli/run_binary.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "emulated.h"

extern char** environ;

namespace costeff::cli {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void check(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

void close_fd(int* fd) {
  if (*fd >= 0) ::close(*fd);
  *fd = -1;
}

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int fds[2];
    check(::pipe2(fds, O_CLOEXEC) == 0, "pipe");
    read = fds[0];
    write = fds[1];
  }
};

// What posix_spawn is told; always freed.
struct SpawnPlan {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnPlan() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // Signals as in a child of a shell, whatever the test runner has set.
    sigset_t none, standard;
    sigemptyset(&none);
    sigemptyset(&standard);
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&standard, number);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &standard);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

// Reads what is there. Returns false at the end.
bool read_some(int fd, std::string* text) {
  char buffer[65536];
  const ssize_t n = ::read(fd, buffer, sizeof buffer);
  if (n > 0) text->append(buffer, static_cast<size_t>(n));
  return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));  // EIO: a terminal's end
}

// A terminal of 80 x 24; name: [128], of the program's side.
bool open_terminal(int* ours, int* programs, char* name) {
  struct winsize size {};
  size.ws_col = 80;
  size.ws_row = 24;
  if (::openpty(ours, programs, name, nullptr, &size) != 0) return false;
  ::fcntl(*ours, F_SETFD, FD_CLOEXEC);
  ::fcntl(*programs, F_SETFD, FD_CLOEXEC);
  return true;
}

}  // namespace

Process::Process(const Command& command) {
  ::signal(SIGPIPE, SIG_IGN);
  start_s_ = now_s();
  end_s_ = start_s_ + command.timeout_s * (kEmulated ? 20 : 1);
  start(command);
}

Process::~Process() {
  close_fd(&in_);
  close_fd(&out_);
  close_fd(&err_);
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

void Process::start(const Command& command) {
  SpawnPlan plan;
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  int child[3] = {-1, -1, -1};
  if (!command.cwd.empty())
    ::posix_spawn_file_actions_addchdir_np(&plan.actions, command.cwd.c_str());
  if (command.terminal) {
    char name[128];
    check(open_terminal(&out_, &child[0], name), "openpty");
    in_ = ::fcntl(out_, F_DUPFD_CLOEXEC, 0);
    // The first terminal that a new session opens is the one whose Ctrl-C it gets.
    flags |= POSIX_SPAWN_SETSID;
    for (int fd = 0; fd < 3; ++fd)
      ::posix_spawn_file_actions_addopen(&plan.actions, fd, name, O_RDWR, 0);
  } else {
    Pipe in, out, err;
    in_ = in.write;
    out_ = out.read;
    err_ = err.read;
    child[0] = in.read;
    child[1] = out.write;
    child[2] = err.write;
    for (int fd = 0; fd < 3; ++fd) ::posix_spawn_file_actions_adddup2(&plan.actions, child[fd], fd);
  }
  if (!command.stdout_path.empty()) {
    ::posix_spawn_file_actions_addopen(&plan.actions, STDOUT_FILENO, command.stdout_path.c_str(),
                                       O_WRONLY | O_CREAT | O_TRUNC, 0666);
  }
  ::posix_spawnattr_setflags(&plan.attributes, flags);
  std::vector<std::string> words;
  if (command.address_space_kb > 0) {
    // By a shell: an emulator sets no such limit for what it emulates.
    const std::string limit = "ulimit -v " + std::to_string(command.address_space_kb);
    words = {"/bin/sh", "-c", limit + "; exec \"$0\" \"$@\""};
  }
  words.push_back(COSTEFF_BINARY);
  words.insert(words.end(), command.args.begin(), command.args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  errno = ::posix_spawn(&pid_, argv[0], &plan.actions, &plan.attributes, argv.data(), environ);
  if (errno != 0) pid_ = -1;
  for (int& fd : child) close_fd(&fd);
  check(pid_ >= 0, COSTEFF_BINARY);
}

void Process::write(const std::string& bytes) {
  for (size_t at = 0; at < bytes.size() && in_ >= 0;) {
    // The program may wait for us to read, so we read and write at once.
    struct pollfd p {
      in_, POLLOUT, 0
    };
    if (::poll(&p, 1, 0) > 0) {
      const ssize_t n = ::write(in_, bytes.data() + at, std::min<size_t>(bytes.size() - at, 4096));
      if (n < 0 && errno != EINTR) return close_input();  // it does not read any more
      at += n > 0 ? static_cast<size_t>(n) : 0;
      pump(0);
    } else if (!pump(10)) {
      return;
    }
  }
}

void Process::close_input() { close_fd(&in_); }
void Process::close_output() { close_fd(&out_); }
void Process::send(int signal) { ::kill(pid_, signal); }

bool Process::pump(int wait_ms) {
  if (!timed_out_ && now_s() > end_s_) {
    timed_out_ = true;
    ::kill(pid_, SIGKILL);
  }
  struct pollfd p[2] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
  if (::poll(p, 2, wait_ms) > 0) {
    if (p[0].revents != 0 && !read_some(out_, &out_text_)) close_fd(&out_);
    if (p[1].revents != 0 && !read_some(err_, &err_text_)) close_fd(&err_);
  }
  return out_ >= 0 || err_ >= 0;
}

void Process::wait_until_blocked() {
  // A pipe holds 64 KiB in 16 pages, which need not be full; its content has stopped growing.
  int bytes = 0, before = 0;
  for (int still = 0; still < 20 && now_s() < end_s_; ::poll(nullptr, 0, 5)) {
    if (::ioctl(out_, FIONREAD, &bytes) != 0) return;
    still = bytes == before && bytes > (16 << 10) ? still + 1 : 0;
    before = bytes;
  }
}

bool Process::wait_for(const std::string& text, const std::string& where) {
  while (where.find(text) == std::string::npos) {
    if (!pump(50) && where.find(text) == std::string::npos) return false;
  }
  return true;
}
bool Process::wait_for_output(const std::string& text) { return wait_for(text, out_text_); }
bool Process::wait_for_errors(const std::string& text) { return wait_for(text, err_text_); }

Finished Process::finish() {
  close_input();
  while (pump(50)) {
  }
  Finished f;
  int status = 0;
  struct rusage usage {};
  for (;;) {
    const pid_t ended = ::wait4(pid_, &status, timed_out_ ? 0 : WNOHANG, &usage);
    if (ended == pid_) break;
    if (ended < 0 && errno != EINTR) check(false, "wait4");
    pump(1);  // the outputs are at their end, or closed by us: waits, and looks at the time
  }
  pid_ = -1;
  f.seconds = now_s() - start_s_;
  if (WIFEXITED(status)) f.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) f.signal = WTERMSIG(status);
  if (timed_out_) f.exit_code = -1;
  f.timed_out = timed_out_;
  f.peak_rss_kb = usage.ru_maxrss;
  f.out = std::move(out_text_);
  f.err = std::move(err_text_);
  return f;
}

Finished run(const Command& command, const std::string& input) {
  Process process(command);
  process.write(input);
  return process.finish();
}

Finished run(const std::vector<std::string>& args, const std::string& input) {
  Command command;
  command.args = args;
  return run(command, input);
}

std::string why_no_terminal() {
  int ours = -1, programs = -1;
  char name[128];
  if (!open_terminal(&ours, &programs, name)) return std::strerror(errno);
  // The program opens it by its name, which another mount of /dev/pts may not have.
  int again = ::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  const std::string why = again < 0 ? std::string(name) + ": " + std::strerror(errno) : "";
  for (int* fd : {&ours, &programs, &again}) close_fd(fd);
  return why;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace costeff::cli
