#include "base/files/file_bytes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/aligned.h"
#include "base/fail.h"

namespace costeff {
namespace {

struct Descriptor {
  int fd = -1;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

[[noreturn]] void throw_file_errno(const std::string& path, ErrorKind kind) {
  fail(kind, "{}: {}", path, std::strerror(errno));
}

// O_NONBLOCK keeps open() from waiting for the writer of a FIFO.
FileState open_regular(const std::string& path, ErrorKind kind, Descriptor* d) {
  d->fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (d->fd < 0) throw_file_errno(path, kind);
  struct stat st {};
  if (::fstat(d->fd, &st) != 0) throw_file_errno(path, kind);
  if (S_ISDIR(st.st_mode)) fail(kind, "{}: is a directory, expected a file", path);
  if (!S_ISREG(st.st_mode)) fail(kind, "{}: not a regular file", path);
  FileState state;
  if (!settled_file_state(d->fd, &state)) throw_file_errno(path, kind);
  return state;
}

FileState state_now(int fd, const std::string& path, ErrorKind kind) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) throw_file_errno(path, kind);
  return file_state(st);
}

std::string change_text(FileChange change, const FileState& before, const FileState& now) {
  switch (change) {
    case FileChange::size:
      return fmt::format("has {} bytes, and had {} when it was opened", now.size, before.size);
    case FileChange::bytes:
      return "was written to after it was opened";
    case FileChange::metadata:
      return "was changed after it was opened (its ctime, at least)";
    case FileChange::none:
      break;
  }
  return "";
}

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::open(const std::string& path, ErrorKind kind) {
  Descriptor d;
  const FileState state = open_regular(path, kind, &d);
  std::shared_ptr<MappedFile> file(new MappedFile(kind));
  file->path_ = path;
  file->state_ = state;
  file->fd_ = std::exchange(d.fd, -1);
  if (state.size == 0) return file;
  const auto size = static_cast<size_t>(state.size);
  void* p = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file->fd_, 0);
  if (p == MAP_FAILED) fail(kind, "{}: cannot map: {}", path, std::strerror(errno));
  file->data_ = static_cast<const std::byte*>(p);
  file->size_ = size;
  file->note_.emplace(file->data_, size, path);
  return file;
}

MappedFile::~MappedFile() {
  note_.reset();
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
  ::close(fd_);
}

void MappedFile::check_unchanged() const {
  const std::lock_guard lock(mutex_);
  const FileState now = state_now(fd_, path_, kind_);
  const FileChange change = file_change(state_, now);
  if (change == FileChange::none) {
    state_ = now;  // links may have come or gone
    return;
  }
  fail(kind_,
       "{}: {}, expected a file that stays as it is; start again, and replace such a file by "
       "renaming a new one over it",
       path_, change_text(change, state_, now));
}

void MappedFile::give_back(std::span<const std::byte> part) const {
  // Whole huge pages, as the kernel maps a file's pages in groups of that size: the pages around the
  // part were mapped with it. If they are still needed they come back.
  const auto address = [](const std::byte* p) { return reinterpret_cast<uintptr_t>(p); };
  const uintptr_t from = address(part.data()), to = from + part.size();
  if (!data_ || from < address(data_) || to > address(data_) + size_) return;
  const uintptr_t begin = std::max(from / kHugePage * kHugePage, address(data_)),
                  end = std::min((to + kHugePage - 1) / kHugePage * kHugePage,
                                 address(data_) + size_);
  // This is only advice: if it fails, the pages stay.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

std::string read_file(const std::string& path, ErrorKind kind, uint64_t max_bytes) {
  Descriptor d;
  const FileState state = open_regular(path, kind, &d);
  const auto size = static_cast<uint64_t>(state.size);
  if (size > max_bytes) {
    fail(kind, "{}: {} bytes, expected at most {}", path, size, max_bytes);
  }
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(d.fd, text.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_file_errno(path, kind);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  const FileState now = state_now(d.fd, path, kind);
  const FileChange change = file_change(state, now);
  if (change == FileChange::size || change == FileChange::bytes) {
    fail(kind, "{}: {}, while it was read; start again when it is complete", path,
         change_text(change, state, now));
  }
  text.resize(done);
  return text;
}

bool file_exists(const std::string& path) {
  struct stat st {};
  return ::lstat(path.c_str(), &st) == 0;
}

bool is_directory(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

std::string join_path(const std::string& dir, const std::string& name) {
  if (dir.empty()) return name;
  return dir.back() == '/' ? dir + name : dir + "/" + name;
}

}  // namespace costeff
