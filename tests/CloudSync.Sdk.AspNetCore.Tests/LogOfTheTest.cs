using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>Keeps what is logged.</summary>
internal sealed class LogOfTheTest : ILoggerProvider
{
    private readonly Lock _lock = new();
    private readonly List<(LogLevel, string, string, int)> _entries = [];

    public IReadOnlyList<(LogLevel Level, string Text, string Category, int Event)> Entries
    {
        get
        {
            lock (_lock)
                return [.. _entries];
        }
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private sealed class Logger(LogOfTheTest log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (log._lock)
                log._entries.Add((logLevel, formatter(state, exception) + exception, category, eventId.Id));
        }
    }
}
