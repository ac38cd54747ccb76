using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace CloudSync.LoadTest.Parts;

/// <summary>
/// A part of the path in a process of its own: this program again, with its name as an argument. It reads its settings from the standard input, for in a list of processes all would see the secrets
/// in them, and writes its address to the standard output, then an answer for each line that it is asked, and ends with its standard input: at the latest when this process dies, in whatever way.
/// </summary>
internal sealed class Part : IUsed, IAsyncDisposable
{
    /// <summary>The first argument of a part.</summary>
    public const string Argument = "part";

    private static readonly TimeSpan StartTimeout = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(30);

    /// <summary>For an answer that is a file of all messages.</summary>
    public static readonly TimeSpan FilePatience = TimeSpan.FromMinutes(5);

    // The one that runs this process: one that PATH names may be of another version, or not there.
    private static readonly string Host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));

    private readonly Process _process;
    private readonly SemaphoreSlim _asking = new(1);

    private Part(string name, Process process, string address) => (Name, _process, Address) = (name, process, address);

    public string Name { get; }

    public int ProcessId => _process.Id;

    /// <summary>Where it listens.</summary>
    public string Address { get; }

    /// <exception cref="InvalidOperationException">It does not start. What is wrong it has said on the standard error.</exception>
    public static async Task<Part> StartAsync<T>(string name, T settings, CancellationToken cancellationToken)
    {
        var process = Process.Start(new ProcessStartInfo(Host, [typeof(Part).Assembly.Location, Argument, name])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        try
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(StartTimeout);
            await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(settings).AsMemory(), timeout.Token);
            await process.StandardInput.FlushAsync(timeout.Token);
            return await process.StandardOutput.ReadLineAsync(timeout.Token) is { } address
                ? new Part(name, process, address)
                : throw new IOException("It has closed its standard output.");
        }
        catch (Exception e)
        {
            process.Kill();
            process.Dispose();
            if (e is IOException)
                throw new InvalidOperationException($"The process of {name} has ended instead of starting.", e);
            throw;
        }
    }

    /// <summary>Asks for something.</summary>
    /// <param name="question">What.</param>
    /// <param name="patience">For how long; <see langword="null"/> for 30 s.</param>
    /// <exception cref="InvalidOperationException">The process has ended, or does not answer; then it is ended.</exception>
    public async Task<T> AskAsync<T>(string question, TimeSpan? patience = null)
    {
        await _asking.WaitAsync();
        using var timeout = new CancellationTokenSource(patience ?? Patience);
        try
        {
            await _process.StandardInput.WriteLineAsync(question.AsMemory(), timeout.Token);
            await _process.StandardInput.FlushAsync(timeout.Token);
            return await _process.StandardOutput.ReadLineAsync(timeout.Token) is { } answer
                ? JsonSerializer.Deserialize<T>(answer)!
                : throw new InvalidOperationException($"The process of {Name} has ended.");
        }
        catch (IOException e)
        {
            throw new InvalidOperationException($"The process of {Name} has ended.", e);
        }
        catch (OperationCanceledException e)
        {
            // Its answer would be taken for that of the next question.
            _process.Kill();
            throw new InvalidOperationException($"The process of {Name} has not answered for {(patience ?? Patience).TotalSeconds:0} s and was ended.", e);
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
