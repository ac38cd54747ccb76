using System.Diagnostics;
using System.Text.Json;

namespace CloudSync.LoadTest.Parts;

/// <summary>
/// A part of the path in a process of its own: this program again, with its name and settings as arguments. It writes its address to the standard output, then an answer for each line that it is
/// asked, and ends with its standard input: at the latest when this process dies, in whatever way.
/// </summary>
internal sealed class Part : IUsed, IAsyncDisposable
{
    /// <summary>The first argument of a part.</summary>
    public const string Argument = "part";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly SemaphoreSlim _asking = new(1);

    private Part(string name, Process process, string address) => (Name, _process, Address) = (name, process, address);

    public string Name { get; }

    /// <summary>Where it listens.</summary>
    public string Address { get; }

    /// <exception cref="InvalidOperationException">It does not start. What is wrong it has said on the standard error.</exception>
    public static async Task<Part> StartAsync<T>(string name, T settings, CancellationToken cancellationToken)
    {
        var process = Process.Start(new ProcessStartInfo("dotnet", [typeof(Part).Assembly.Location, Argument, name, JsonSerializer.Serialize(settings)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(StartTimeout);
            return await process.StandardOutput.ReadLineAsync(timeout.Token) is { } address
                ? new Part(name, process, address)
                : throw new InvalidOperationException($"The process of {name} has ended instead of starting.");
        }
        catch
        {
            process.Kill();
            process.Dispose();
            throw;
        }
    }

    /// <summary>Asks for something.</summary>
    /// <exception cref="InvalidOperationException">The process has ended.</exception>
    public async Task<T> AskAsync<T>(string question)
    {
        await _asking.WaitAsync();
        try
        {
            await _process.StandardInput.WriteLineAsync(question);
            await _process.StandardInput.FlushAsync();
            return await _process.StandardOutput.ReadLineAsync() is { } answer
                ? JsonSerializer.Deserialize<T>(answer)!
                : throw new InvalidOperationException($"The process of {Name} has ended.");
        }
        catch (IOException e)
        {
            throw new InvalidOperationException($"The process of {Name} has ended.", e);
        }
        finally
        {
            _asking.Release();
        }
    }

    public Task<Use> UseAsync() => AskAsync<Use>(PartLoop.UseQuestion);

    /// <summary>Ends it, without anything being finished.</summary>
    public void Kill() => _process.Kill();

    public async ValueTask DisposeAsync()
    {
        try
        {
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended before, with a question that it has not read.
        }

        using var timeout = new CancellationTokenSource(EndTimeout);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
        _asking.Dispose();
    }
}
