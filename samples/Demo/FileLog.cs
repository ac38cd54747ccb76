using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Demo;

/// <summary>
/// Where the hosts log: a file, because the console shows the table. A bad day has thousands of failed attempts, so only errors are written with their
/// stack.
/// </summary>
internal sealed class FileLog(string path) : ILoggerProvider
{
    private readonly Lock _lock = new();
    private readonly StreamWriter _writer = new(path) { AutoFlush = true };

    public string Path { get; } = path;

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    // Each host disposes of its providers, and three share this one: the file is closed by who opened it.
    public void Dispose()
    {
    }

    public void Close() => _writer.Dispose();

    public void Delete()
    {
        Close();
        File.Delete(Path);
    }

    public void Write(LogLevel level, string category, string message, Exception? exception)
    {
        lock (_lock)
        {
            _writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTimeOffset.Now:HH:mm:ss.fff} {level} {category}: {message}"));
            if (exception is not null)
                _writer.WriteLine(level >= LogLevel.Error ? exception : $"  {exception.GetType().Name}: {exception.Message}");
        }
    }

    private sealed class Logger(FileLog file, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            file.Write(logLevel, category, formatter(state, exception), exception);
    }
}
