using System.Globalization;
using System.Text.Json;
using CloudSync.Failures;

// Each run is a process of its own: CloudSync.Failures run <arm> <kafka> <topic> <group> <messages> <slow>
if (args is ["run", var arm, var kafka, var topic, var group, var messages, var slow])
{
    var result = await Run.ExecuteAsync(
        Enum.Parse<Arm>(arm), kafka, topic, group, int.Parse(messages, CultureInfo.InvariantCulture), bool.Parse(slow));
    Console.WriteLine(JsonSerializer.Serialize(result));
    return 0;
}

try
{
    return await Comparison.ExecuteAsync(Settings.Parse(args));
}
catch (FormatException e)
{
    await Console.Error.WriteLineAsync(e.Message);
    return 2;
}
