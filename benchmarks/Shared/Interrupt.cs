using System.Runtime.InteropServices;

namespace CloudSync.Measuring;

/// <summary>An interrupt must not end a process before it has ended what it started: it sets a token in place of that.</summary>
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
            context.Cancel = true;
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
