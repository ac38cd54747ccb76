using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace CloudSync.Sdk.Settings;

/// <summary>
/// Reads a section of configuration into an options object. It never stops at the first problem and never throws: what can't be read keeps its
/// default and is told of.
/// </summary>
/// <remarks>
/// <para>The binder of the platform throws at the first value it can't read and passes over a name that is mistyped; a night is too short for both.</para>
/// <para>
/// An empty text stands for 'not given' where it can be no value (compose files pass on a variable that is not set as an empty one); to a setting that is
/// a text it is a value, and the rules say whether it may be empty. A null is never a value.
/// </para>
/// </remarks>
internal static class SettingsBinder
{
    /// <summary>Reads all of <paramref name="section"/> and returns what is wrong with it.</summary>
    public static List<SettingProblem> Bind<[DynamicallyAccessedMembers(SettingGroupAttribute.Members)] TOptions>(
        IConfiguration section, TOptions options)
        where TOptions : class
    {
        var problems = new List<SettingProblem>();
        BindGroup(section, typeof(TOptions), options, "", problems);
        return problems;
    }

    /// <summary>The settings of an options class, groups included: <c>MaxConcurrency</c>, <c>Retry:MaxDelay</c>.</summary>
    public static IEnumerable<string> Paths([DynamicallyAccessedMembers(SettingGroupAttribute.Members)] Type type, string prefix = "")
    {
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (property.GetCustomAttribute<SettingGroupAttribute>() is not { } group)
                yield return prefix + property.Name;
            else
                foreach (var path in Paths(group.Type, prefix + property.Name + ":"))
                    yield return path;
        }
    }

    private static void BindGroup(
        IConfiguration section,
        [DynamicallyAccessedMembers(SettingGroupAttribute.Members)] Type type,
        object options,
        string prefix,
        List<SettingProblem> problems)
    {
        var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance);
        foreach (var child in section.GetChildren())
        {
            var path = prefix + child.Key;
            var property = properties.FirstOrDefault(p => p.Name.Equals(child.Key, StringComparison.OrdinalIgnoreCase));
            if (property is not null)
                BindProperty(child, property, options, path, problems);
            else if (section is IConfigurationSection) // The root also holds everybody else's settings.
                problems.Add(new SettingProblem(path, Unknown(child.Key, type)));
        }
    }

    private static void BindProperty(
        IConfigurationSection section, PropertyInfo property, object options, string path, List<SettingProblem> problems)
    {
        if (property.GetCustomAttribute<SettingGroupAttribute>() is { } group)
        {
            if (!string.IsNullOrWhiteSpace(section.Value))
                problems.Add(new SettingProblem(path, $"is {SettingText.Quote(path, section.Value)}; it must be a group with settings of its own."));

            var value = property.GetValue(options);
            if (value is null)
                property.SetValue(options, value = Activator.CreateInstance(group.Type));
            BindGroup(section, group.Type, value!, path + ":", problems);
        }
        else if (typeof(IDictionary<string, string>).IsAssignableFrom(property.PropertyType))
        {
            BindDictionary(section, property.GetValue(options) as IDictionary<string, string>, path, problems);
        }
        else
        {
            BindScalar(section, property, options, path, problems);
        }
    }

    /// <summary>
    /// Names of deeper levels are joined by dots: a shell can't set a variable with dots in its name, but <c>…__Kafka__sasl__username</c> it can.
    /// </summary>
    private static void BindDictionary(
        IConfigurationSection section, IDictionary<string, string>? dictionary, string path, List<SettingProblem> problems)
    {
        if (!string.IsNullOrWhiteSpace(section.Value))
            problems.Add(new SettingProblem(path, "is one value; it must be a group of names, each with a value."));

        foreach (var (key, value) in section.AsEnumerable(makePathsRelative: true))
        {
            if (key.Length == 0)
                continue;

            if (value is not null)
                dictionary?[key.Replace(':', '.')] = value;
            else if (!section.GetSection(key).GetChildren().Any())
                problems.Add(new SettingProblem($"{path}:{key}", "is null; give it a value or leave it out."));
        }
    }

    private static void BindScalar(
        IConfigurationSection section, PropertyInfo property, object options, string path, List<SettingProblem> problems)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (property.SetMethod is not { IsPublic: true } || (type != typeof(string) && !SettingText.IsScalar(type)))
        {
            problems.Add(new SettingProblem(path, "can't be set by configuration; set it in code, and leave it out here."));
            return;
        }

        var range = property.GetCustomAttribute<SettingRangeAttribute>();
        if (section.GetChildren().Any())
            problems.Add(new SettingProblem(path, $"is a group of settings; it must be {(type == typeof(string) ? "a text" : SettingText.Expected(type, range))}."));
        else if (section.Value is not { } text)
            problems.Add(new SettingProblem(path, "is null; give it a value, or leave it out for its default."));
        else if (type == typeof(string))
            property.SetValue(options, text);
        else if (string.IsNullOrWhiteSpace(text))
            return;
        else if (SettingText.TryRead(text, type, out var value))
            property.SetValue(options, value);
        else
            problems.Add(new SettingProblem(path, $"is {SettingText.Quote(type.IsEnum ? "" : path, text)}; it must be {SettingText.Expected(type, range)}."));
    }

    private static string Unknown(string key, [DynamicallyAccessedMembers(SettingGroupAttribute.Members)] Type type)
    {
        var here = Paths(type).ToList();
        var nearest = NearestName.Find(key, here.Select(path => path.Split(':')[0]))
            ?? here.FirstOrDefault(path => path.EndsWith(":" + key, StringComparison.OrdinalIgnoreCase));
        return nearest is null ? "is not a setting; remove it." : $"is not a setting; did you mean {nearest}?";
    }
}
