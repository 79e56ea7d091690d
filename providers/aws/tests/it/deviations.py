# What an emulator does in each case of deviations.toml. Prints {case: outcome}.
from concurrent.futures import ThreadPoolExecutor
import itertools

A, B, C, D = ('a' * 64, 'b' * 64, 'c' * 64, 'd' * 64)
names = (f'case{n}' for n in itertools.count())


def tried(call, **arguments):
    try:
        call(**arguments)
        return 'done'
    except c.exceptions.ClientError as refused:
        return refused.response['Error']['Code']
    except Exception as unsent:
        return type(unsent).__name__


def refused(outcome):
    return 'done' if outcome == 'done' else 'refused'


def secret(text='one', token=A):
    name = next(names)
    c.create_secret(Name=name, SecretString=text, ClientRequestToken=token)
    return name


def put(name, token, text, label='MINE'):
    return c.put_secret_value(SecretId=name, ClientRequestToken=token, SecretString=text, VersionStages=[label])


def move(name, label='AWSCURRENT', **versions):
    return dict(SecretId=name, VersionStage=label, **versions)


def labels(name):
    return c.describe_secret(SecretId=name).get('VersionIdsToStages', {})


def listed(name, **arguments):
    versions = c.list_secret_version_ids(SecretId=name, **arguments)['Versions']
    return [version['VersionId'] for version in versions]


def two():
    name = secret()
    put(name, B, 'two')
    return name


def moved():
    name = two()
    c.update_secret_version_stage(**move(name, MoveToVersionId=B, RemoveFromVersionId=A))
    return name


def unlabelled():
    name = moved()
    c.update_secret_version_stage(**move(name, 'AWSPREVIOUS', RemoveFromVersionId=A))
    return name


def deleted():
    name = secret()
    c.delete_secret(SecretId=name)
    return name


def race():
    name = secret()
    with ThreadPoolExecutor(16) as pool:
        each = pool.map(lambda n: tried(put, name=name, token=B, text=f'text{n}'), range(16))
    return str(sum(outcome == 'done' for outcome in each))


def holders(name, label):
    return str(sum(label in own for own in labels(name).values()))


def plain_put_after_a_move():
    name = moved()
    c.put_secret_value(SecretId=name, ClientRequestToken=C, SecretString='three')
    return holders(name, 'AWSCURRENT')


def first_version_under_a_label():
    name = next(names)
    c.create_secret(Name=name)
    put(name, A, 'one')
    return 'current' if 'AWSCURRENT' in labels(name).get(A, []) else 'not current'


def replica():
    name = next(names)
    c.create_secret(Name=name, SecretString='one', AddReplicaRegions=[{'Region': 'eu-west-1'}])
    return 'told' if c.describe_secret(SecretId=name).get('ReplicationStatus') else 'not told'


def stranger():
    name = secret()
    return refused(tried(client('secretsmanager', secret='example-wrong').describe_secret, SecretId=name))


cases = {
    'create again, same token and value': lambda: (
        lambda name: tried(c.create_secret, Name=name, SecretString='one', ClientRequestToken=A))(secret()),
    'create again, other token': lambda: tried(
        c.create_secret, Name=secret(), SecretString='one', ClientRequestToken=B),
    'put again, same token and value': lambda: tried(put, name=two(), token=B, text='two'),
    'put again, same token, other value': lambda: tried(put, name=two(), token=B, text='three'),
    'sixteen puts of one token and sixteen values at once': race,
    'put without a value': lambda: refused(tried(c.put_secret_value, SecretId=secret(), VersionStages=['MINE'])),
    'get a version by a label that it lacks': lambda: refused(
        tried(c.get_secret_value, SecretId=two(), VersionId=A, VersionStage='MINE')),
    'move AWSCURRENT without naming its holder': lambda: tried(
        c.update_secret_version_stage, **move(two(), MoveToVersionId=B)),
    'move AWSCURRENT from a version that is not there': lambda: refused(tried(
        c.update_secret_version_stage, **move(two(), MoveToVersionId=B, RemoveFromVersionId=D))),
    'move AWSCURRENT from a version that lacks it': lambda: refused(tried(
        c.update_secret_version_stage, **move(two(), MoveToVersionId=B, RemoveFromVersionId=B))),
    'take AWSCURRENT away': lambda: refused(tried(
        c.update_secret_version_stage, **move(secret(), RemoveFromVersionId=A))),
    'take AWSPREVIOUS away': lambda: tried(
        c.update_secret_version_stage, **move(moved(), 'AWSPREVIOUS', RemoveFromVersionId=A)),
    'AWSPREVIOUS follows a move': lambda: 'yes' if 'AWSPREVIOUS' in labels(moved()).get(A, []) else 'no',
    'versions with AWSCURRENT after a move and a plain put': plain_put_after_a_move,
    'a first version under another label': first_version_under_a_label,
    'a version without labels, described': lambda: 'shown' if A in labels(unlabelled()) else 'hidden',
    'a version without labels, listed': lambda: 'shown' if A in listed(unlabelled()) else 'hidden',
    'a version without labels, listed with IncludeDeprecated': lambda: (
        'shown' if A in listed(unlabelled(), IncludeDeprecated=True) else 'hidden'),
    'a version without labels, read': lambda: tried(c.get_secret_value, SecretId=unlabelled(), VersionId=A),
    'a token of five characters': lambda: refused(tried(put, name=secret(), token='short', text='two')),
    'a value of 65,537 bytes': lambda: refused(tried(put, name=secret(), token=B, text='x' * 65537)),
    'put while deletion is scheduled': lambda: refused(tried(put, name=deleted(), token=B, text='two')),
    'create while deletion is scheduled': lambda: tried(
        c.create_secret, Name=deleted(), SecretString='one', ClientRequestToken=B),
    'a replica region': replica,
    'a wrong signature': stranger,
}


def outcome(case):
    try:
        return case()
    except Exception as broken:
        return f'broken: {broken}'


c = boto3.client('secretsmanager', region_name='us-east-1', endpoint_url=address, aws_access_key_id='EXAMPLEKEYID',
    aws_secret_access_key='example-secret', config=Config(retries={'total_max_attempts': 1}, parameter_validation=False))
show({name: outcome(case) for name, case in cases.items()})
