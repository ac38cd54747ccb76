using System.Runtime.InteropServices;

namespace CloudSync.Measuring;

/// <summary>An interrupt must not end a process before it has ended what it started: it sets a token in place of that. A second one from the keyboard ends it at once.</summary>
internal sealed class Interrupt : IDisposable
{
    /// <summary>What a shell says of a program that was interrupted.</summary>
    public const int ExitCode = 130;

    private readonly CancellationTokenSource _came = new();
    private readonly PosixSignalRegistration[] _signals;

    public Interrupt() => _signals =
    [
        .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP }.Select(signal => PosixSignalRegistration.Create(signal, context =>
        {
            // Who asks a second time waits for nothing. A terminal that goes may hang up twice, and means it once.
            context.Cancel = context.Signal != PosixSignal.SIGINT || !_came.IsCancellationRequested;
            _came.Cancel();
        })),
    ];

    public CancellationToken Token => _came.Token;

    public void Dispose()
    {
        foreach (var signal in _signals)
            signal.Dispose();

        _came.Dispose();
    }
}
