using System.Globalization;
using Spectre.Console;

namespace Demo;

/// <summary>Shows how far the run is: a live table on a terminal, and a line every two seconds elsewhere.</summary>
internal sealed class Progress(Ledger ledger, SdkMetrics metrics, Poster poster)
{
    private static readonly string[] Columns = ["accepted", "delivered", "retried", "duplicates", "dead-lettered", "lag"];

    private readonly long _began = TimeProvider.System.GetTimestamp();

    public static bool HasTerminal => !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;

    public TimeSpan Elapsed => TimeProvider.System.GetElapsedTime(_began);

    /// <summary>Shows until it is cancelled, and once more then.</summary>
    public async Task ShowAsync(CancellationToken until)
    {
        if (HasTerminal)
            await AnsiConsole.Live(Table()).StartAsync(async live =>
            {
                await EveryAsync(TimeSpan.FromMilliseconds(200), () => live.UpdateTarget(Table()), until);
            });
        else
            await EveryAsync(TimeSpan.FromSeconds(2), () => Console.WriteLine(Line()), until);
    }

    private static async Task EveryAsync(TimeSpan interval, Action show, CancellationToken until)
    {
        while (!until.IsCancellationRequested)
        {
            await Task.Delay(interval, until).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            show();
        }
    }

    private Table Table()
    {
        metrics.Refresh();
        var table = new Table().Border(TableBorder.Rounded)
            .AddColumn("cloud").AddColumns([.. Columns.Select(c => new TableColumn(c).RightAligned())])
            .Caption(FormattableString.Invariant(
                $"{Elapsed.TotalSeconds:0} s · {ledger.Accepted:N0} of {ledger.Messages.Count:N0} accepted by the API, {poster.Duplicates:N0} of them posted twice"));
        foreach (var cloud in ledger.Clouds)
            table.AddRow(
                cloud.Name,
                Number(ledger.Accepted),
                Number(metrics.Read("delivered", cloud.Name)),
                Number(metrics.Read("retries", cloud.Name)),
                Number(metrics.Read("duplicates", cloud.Name)),
                Number(metrics.Read("dead_letters", cloud.Name)),
                Number(metrics.Read("lag", cloud.Name)));
        return table;
    }

    private string Line()
    {
        metrics.Refresh();
        var clouds = ledger.Clouds.Select(cloud => FormattableString.Invariant(
            $" | {cloud.Name}: delivered {metrics.Read("delivered", cloud.Name):N0}, retried {metrics.Read("retries", cloud.Name):N0}, duplicates {metrics.Read("duplicates", cloud.Name):N0}, dead-lettered {metrics.Read("dead_letters", cloud.Name):N0}, lag {metrics.Read("lag", cloud.Name):N0}"));
        return FormattableString.Invariant($"{Elapsed.TotalSeconds,4:0} s | accepted {ledger.Accepted:N0} of {ledger.Messages.Count:N0}")
            + string.Concat(clouds);
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
