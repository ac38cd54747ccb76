using System.Globalization;
using System.Text;
using CloudSync.Latency;
using CloudSync.Measuring;
using Microsoft.Extensions.DependencyInjection;

const int Partitions = 12;
const int WarmUpSeconds = 5;

Settings settings;
try
{
    settings = Settings.Parse(args);
}
catch (FormatException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 2;
}

await using var kafka = await BenchmarkKafka.StartAsync(settings.Kafka);
await Console.Error.WriteLineAsync($"On {kafka.Description}.");
var values = Enumerable.Range(0, 1_000).Select(i => Encoding.UTF8.GetBytes($$"""{"order":{{i}},"note":"{{new string('x', 230 - i.ToString(CultureInfo.InvariantCulture).Length)}}"}""")).ToArray();
var keys = Enumerable.Range(0, 10_000).Select(i => $"customer-{i}").ToArray();
var isFine = true;
foreach (var rate in settings.Rates)
{
    var topic = $"latency-{Guid.NewGuid():N}";
    await kafka.CreateTopicAsync(topic, Partitions);
    var services = new ServiceCollection().AddLogging();
    services.AddCloudSyncProducer(options => (options.BootstrapServers, options.Topic, options.Preset, options.Format) = (kafka.BootstrapServers, topic, settings.Preset, settings.Format));
    await using (var provider = services.BuildServiceProvider())
    {
        var producer = provider.GetRequiredService<ICloudSyncProducer>();
        var acknowledgements = new Acknowledgements();
        Produce(rate, WarmUpSeconds);
        await producer.FlushAsync();
        acknowledgements.IsMeasuring = true;
        Produce(rate, settings.Seconds);
        await producer.FlushAsync();

        var (count, mean, median, p99, max) = acknowledgements.Milliseconds();
        isFine &= count == (long)rate * settings.Seconds && acknowledgements.Failed == 0;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{settings.Preset}, {settings.Format}, {rate:N0} a second: mean {mean:F2} ms, p50 {median:F2}, p99 {p99:F2}, max {max:F1}; {count:N0} acknowledged, {acknowledgements.Failed} failed"));

        // On a thread of its own, which waits for nothing but the clock. A message that must wait for room makes those after it late, and that counts.
        void Produce(int perSecond, int seconds)
        {
            var thread = new Thread(() =>
            {
                var schedule = new Schedule(perSecond);
                for (var i = 0L; i < (long)perSecond * seconds; i++)
                {
                    var due = schedule.Due(i);
                    Schedule.WaitUntil(due);
                    var queued = producer.EnqueueAsync(new OutgoingMessage(values[i % values.Length]) { Key = keys[i % keys.Length] }, acknowledgements.Of(due));
                    if (!queued.IsCompletedSuccessfully)
                        queued.AsTask().GetAwaiter().GetResult();
                }
            });
            thread.Start();
            thread.Join();
        }
    }

    await kafka.DeleteTopicAsync(topic);
}

return isFine ? 0 : 1;
